;; Several functions that nobody has.
;; want: invalid module: imports a.b: want only awf.* and wasi_snapshot_preview1.* (Emscripten, which has shortened the names: build with -sSTANDALONE_WASM); imports c.d: want
(module
  (import "a" "b" (func))
  (import "c" "d" (func))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0)))
