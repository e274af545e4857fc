;; Log lines without end.
;; want: out of fuel
(module
  (import "awf" "log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (loop $again
      (call $log (i32.const 1) (i32.const 0) (i32.const 65536))
      (br $again))
    (unreachable)))
