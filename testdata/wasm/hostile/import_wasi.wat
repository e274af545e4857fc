;; A function that WASI does not have.
;; want: invalid module: imports wasi_snapshot_preview1.sock_connect: WASI preview 1 has no such function
(module
  (import "wasi_snapshot_preview1" "sock_connect" (func (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0)))
