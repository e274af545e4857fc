;; A start function with a parameter.
;; want: invalid module: 
;; wat2wasm: --no-check
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0))
  (func $s (param i32))
  (start $s))
