;; proc_exit in the start section of a command.
;; want: trapped: exit code 0
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (unreachable))
  (func $s (call $proc_exit (i32.const 0)))
  (start $s))
