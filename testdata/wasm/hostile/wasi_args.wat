;; Arguments into what is not in the memory: no harm, no body.
;; want: dropped
(module
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $args_get (i32.const -4) (i32.const -4)))
    (drop (call $args_get (i32.const 0) (i32.const 65530)))
    (drop (call $args_sizes_get (i32.const 65533) (i32.const -1)))))
