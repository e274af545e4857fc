;; A list of four billion buffers.
;; want: out of fuel
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const -1) (i32.const 0)))
    (i64.const 0)))
