;; A body that begins where the memory ends.
;; want: invalid output: transform gave 1 bytes at 65536, in a memory of 65536
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.or (i64.shl (i64.const 65536) (i64.const 32)) (i64.const 1))))
