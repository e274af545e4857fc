;; A write to the global that is not the guest's: the one that is added.
;; want: invalid module: 
;; wat2wasm: --no-check
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (global.set 0 (i64.const 0x7fffffffffffffff))
    (i64.const 0)))
