;; A function of a host that we are not.
;; want: invalid module: imports env.abort: want only awf.* and wasi_snapshot_preview1.*
(module
  (import "env" "abort" (func (param i32 i32 i32 i32)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0)))
