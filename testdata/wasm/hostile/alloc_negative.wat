;; alloc that gives minus one.
;; want: invalid output: alloc gave 350 bytes at 4294967295, in a memory of 65536
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const -1))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0)))
