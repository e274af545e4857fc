;; Two functions that call each other for ever, with many locals.
;; want: calls too deep
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (call $a (i64.const 0))
    (i64.const 0))
  (func $a (param i64) (local i64 i64 i64 i64 i64 i64 i64 i64)
    (local.set 1 (i64.mul (local.get 0) (i64.const 3)))
    (call $b (i64.add (local.get 0) (i64.const 1)))
    (i64.store (i32.const 0) (local.get 1)))
  (func $b (param i64) (local v128 v128 v128 v128)
    (local.set 1 (i64x2.splat (local.get 0)))
    (call $a (i64.add (local.get 0) (i64.const 1)))
    (v128.store (i32.const 16) (local.get 1))))
