;; All of the memory that can be addressed.
;; want: out of memory
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (if (i32.eq (memory.grow (i32.const 32768)) (i32.const -1)) (then (unreachable)))
    (i64.const 0)))
