;; alloc that traps.
;; want: trapped: unreachable
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (unreachable))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0)))
