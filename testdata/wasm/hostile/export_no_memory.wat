;; A reactor without a memory.
;; want: invalid module: does not export memory
(module
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "transform") (param i32 i32) (result i64) (i64.const 0)))
