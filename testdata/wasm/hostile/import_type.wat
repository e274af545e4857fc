;; awf.log with another type.
;; want: invalid module: imports awf.log as (i32, i32): want (i32, i32, i32)
(module
  (import "awf" "log" (func (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0)))
