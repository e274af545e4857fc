;; A memory that is a function, and a transform that is a global.
;; want: invalid module: exports memory as a function: want a memory
(module
  (func (export "memory"))
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "transform") (param i32 i32) (result i64) (i64.const 0)))
