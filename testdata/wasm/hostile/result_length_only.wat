;; All of the memory and more, from its beginning.
;; want: invalid output: transform gave 4294967295 bytes at 0, in a memory of 65536
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0xffffffff)))
