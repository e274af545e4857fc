;; A function that calls itself for ever through a table.
;; want: calls too deep
(module
  (memory (export "memory") 1)
  (table funcref (elem $deep))
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (call $deep)
    (i64.const 0))
  (func $deep (call_indirect (i32.const 0))))
