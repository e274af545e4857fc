;; An endless loop of divisions.
;; want: out of fuel
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (local $n i64)
    (loop $again
      (local.set $n (i64.div_u (i64.const 0x7fffffffffffffff) (i64.or (local.get $n) (i64.const 1))))
      (br $again))
    (unreachable)))
