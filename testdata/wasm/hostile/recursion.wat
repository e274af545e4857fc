;; A function that calls itself for ever.
;; want: calls too deep
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (call $deep (i32.const 0))
    (i64.const 0))
  (func $deep (param i32)
    (call $deep (i32.add (local.get 0) (i32.const 1)))))
