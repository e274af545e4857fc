;; Giving way for ever.
;; want: out of fuel
(module
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (loop $again
      (drop (call $sched_yield))
      (br $again))
    (unreachable)))
