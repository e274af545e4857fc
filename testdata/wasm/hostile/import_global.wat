;; A global of the host's, by the name of our own.
;; want: invalid module: 
(module
  (import "awf" "awf:fuel" (global (mut i64)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "transform") (param i32 i32) (result i64)
    (global.set 0 (i64.const 0x7fffffffffffffff))
    (i64.const 0)))
