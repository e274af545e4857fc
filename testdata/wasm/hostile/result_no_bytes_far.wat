;; A pointer outside the memory, without a length.
;; want: invalid output: transform gave 0 bytes at 2147483648, in a memory of 65536
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const -9223372036854775808)))
