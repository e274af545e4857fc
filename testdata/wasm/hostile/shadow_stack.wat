;; Recursion as compilers write it, with a stack in memory that runs below zero.
;; want: trapped: out of bounds memory access
(module
  (memory (export "memory") 1)
  (global $sp (mut i32) (i32.const 65536))
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (call $deep)
    (i64.const 0))
  (func $deep
    (global.set $sp (i32.sub (global.get $sp) (i32.const 4096)))
    (i64.store (global.get $sp) (i64.const 1))
    (call $deep)
    (global.set $sp (i32.add (global.get $sp) (i32.const 4096)))))
