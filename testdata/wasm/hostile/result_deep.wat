;; A body of 100,000 brackets.
;; want: invalid output: not JSON
(module
  (memory (export "memory") 2)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (memory.fill (i32.const 0) (i32.const 91) (i32.const 100000))
    (i64.or (i64.shl (i64.const 0) (i64.const 32)) (i64.const 100000))))
