;; proc_exit in the start section.
;; want: trapped: exit code 0
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0))
  (func $s (call $proc_exit (i32.const 0)))
  (start $s))
