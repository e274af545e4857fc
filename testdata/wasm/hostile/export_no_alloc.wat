;; A reactor without alloc.
;; want: invalid module: does not export alloc
(module
  (memory (export "memory") 1)
  (func (export "transform") (param i32 i32) (result i64) (i64.const 0)))
