;; A call of an element that is not there.
;; want: trapped: invalid table access
(module
  (memory (export "memory") 1)
  (table 4 funcref)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (call_indirect (i32.const 3))
    (i64.const 0)))
