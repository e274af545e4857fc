;; A function that awf does not have.
;; want: invalid module: imports awf.fetch: want one of config, fail, log
(module
  (import "awf" "fetch" (func (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0)))
