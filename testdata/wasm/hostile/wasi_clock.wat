;; Waiting for tomorrow by looking at the clock.
;; want: out of fuel
(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (local $end i64)
    (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 8)))
    (local.set $end (i64.add (i64.load (i32.const 8)) (i64.const 86400000000000)))
    (loop $again
      (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 8)))
      (br_if $again (i64.lt_u (i64.load (i32.const 8)) (local.get $end))))
    (i64.const 0)))
