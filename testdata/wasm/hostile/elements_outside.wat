;; An element segment that does not fit its table, which wazero leaves out.
;; want: dropped
(module
  (memory (export "memory") 1)
  (table 2 funcref)
  (elem (i32.const 1) $transform $transform)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0)))
