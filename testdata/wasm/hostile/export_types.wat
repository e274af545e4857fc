;; alloc and transform of other types.
;; want: invalid module: exports alloc as (i64) -> i64: want (i32) -> i32; exports transform as (i32, i32) -> i32: want (i32, i32) -> i64
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i64) (result i64) (i64.const 0))
  (func (export "transform") (param i32 i32) (result i32) (i32.const 0)))
