;; awf.log of what is not in the memory.
;; want: trapped: a host function got a pointer outside the memory
(module
  (import "awf" "log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (call $log (i32.const 1) (i32.const 65530) (i32.const 100))
    (i64.const 0)))
