;; A list of 8,000 buffers, each all of the memory, for ever.
;; want: out of fuel
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (local $p i32)
    (loop $lay
      (i32.store offset=4 (local.get $p) (i32.const 65536))
      (br_if $lay (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 8))) (i32.const 64000))))
    (loop $again
      (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 8000) (i32.const 65000)))
      (br $again))
    (unreachable)))
