;; The event into what is not in the memory, in every position.
;; want: dropped
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 8) (i32.const 65536))
    (i32.store (i32.const 12) (i32.const 1))
    (drop (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 0)))
    (i32.store (i32.const 8) (i32.const -1))
    (i32.store (i32.const 12) (i32.const -1))
    (drop (call $fd_read (i32.const 0) (i32.const 65535) (i32.const 1) (i32.const 0)))
    (i32.store (i32.const 8) (i32.const 0))
    (i32.store (i32.const 12) (i32.const 1))
    (drop (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const -1)))
    (drop (call $fd_read (i32.const 77) (i32.const 8) (i32.const 1) (i32.const 0)))))
