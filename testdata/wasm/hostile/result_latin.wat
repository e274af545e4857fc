;; A body that is not UTF-8.
;; want: invalid output: not UTF-8
(module
  (memory (export "memory") 1)
  (data (i32.const 0) "\"\e9\"")
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.or (i64.shl (i64.const 0) (i64.const 32)) (i64.const 3))))
