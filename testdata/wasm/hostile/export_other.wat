;; A module of another host.
;; want: invalid module: exports neither transform (a reactor) nor _start (a command), but process, malloc
(module
  (memory (export "memory") 1)
  (func (export "process") (result i32) (i32.const 0))
  (func (export "malloc") (param i32) (result i32) (i32.const 0)))
