;; awf.config into what is not in the memory.
;; want: trapped: a host function got a pointer outside the memory
(module
  (import "awf" "config" (func $config (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (drop (call $config (i32.const 0) (i32.const 0) (i32.const -1) (i32.const -1)))
    (i64.const 0)))
