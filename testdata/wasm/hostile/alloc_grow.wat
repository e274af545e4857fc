;; alloc that grows the memory until it is refused.
;; want: out of memory
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (loop $again
    (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  (i32.const 0))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0)))
