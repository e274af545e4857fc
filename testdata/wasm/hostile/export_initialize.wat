;; _initialize with a parameter.
;; want: invalid module: exports _initialize as (i32): want ()
(module
  (memory (export "memory") 1)
  (func (export "_initialize") (param i32))
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "transform") (param i32 i32) (result i64) (i64.const 0)))
