;; Logs and fails with what its configuration has under "key", so that a test sees whether that is masked.
(module
  (import "awf" "config" (func $config (param i32 i32 i32 i32) (result i32)))
  (import "awf" "log" (func $log (param i32 i32 i32)))
  (import "awf" "fail" (func $fail (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "key ")
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "transform") (param i32 i32) (result i64)
    (local $length i32)
    (local.set $length (i32.add (i32.const 4) (call $config (i32.const 16) (i32.const 3) (i32.const 20) (i32.const 512))))
    (call $log (i32.const 2) (i32.const 16) (local.get $length))
    (call $fail (i32.const 16) (local.get $length))
    (i64.const 0)))
