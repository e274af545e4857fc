;; A table filled for ever.
;; want: out of fuel
(module
  (memory (export "memory") 1)
  (table $t 60000 funcref)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (loop $again
      (table.fill $t (i32.const 0) (ref.null func) (i32.const 60000))
      (br $again))
    (unreachable)))
