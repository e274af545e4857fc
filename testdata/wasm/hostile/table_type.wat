;; A call of a function of another type.
;; want: trapped: indirect call type mismatch
(module
  (memory (export "memory") 1)
  (table funcref (elem $transform))
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (call_indirect (param i64) (i64.const 0) (i32.const 0))
    (i64.const 0)))
