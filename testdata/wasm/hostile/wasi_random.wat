;; Random bytes for all of the memory, for ever.
;; want: out of fuel
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (memory (export "memory") 256)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (loop $again
      (drop (call $random_get (i32.const 0) (i32.const 16777216)))
      (br $again))
    (unreachable)))
