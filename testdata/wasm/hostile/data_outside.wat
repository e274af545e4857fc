;; A data segment that does not fit the memory.
;; want: trapped
(module
  (memory (export "memory") 1)
  (data (i32.const 65535) "12")
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0)))
