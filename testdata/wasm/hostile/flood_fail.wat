;; Reasons to fail without end.
;; want: out of fuel
(module
  (import "awf" "fail" (func $fail (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (loop $again
      (call $fail (i32.const 0) (i32.const 65536))
      (br $again))
    (unreachable)))
