;; A global exported by the name of our own.
;; want: invalid module: 
(module
  (memory (export "memory") 1)
  (global (export "awf:fuel") (mut i64) (i64.const 0x7fffffffffffffff))
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0)))
