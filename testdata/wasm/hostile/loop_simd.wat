;; An endless loop of vectors.
;; want: out of fuel
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (local $x v128)
    (loop $again
      (local.set $x (i64x2.mul (i64x2.add (local.get $x) (v128.const i64x2 3 5)) (local.get $x)))
      (br $again))
    (unreachable)))
