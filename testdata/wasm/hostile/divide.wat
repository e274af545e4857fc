;; A division by zero.
;; want: trapped: integer divide by zero, in divide
;; wat2wasm: --debug-names
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (drop (call $divide (i32.const 1) (i32.const 0)))
    (i64.const 0))
  (func $divide (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1))))
