;; A table of ten million.
;; want: invalid module: 
(module
  (memory (export "memory") 1)
  (table 10000000 funcref)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0)))
