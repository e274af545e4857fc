;; An endless loop of square roots.
;; want: out of fuel
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (local $x f64)
    (loop $again
      (local.set $x (f64.sqrt (f64.add (local.get $x) (f64.const 2))))
      (br $again))
    (unreachable)))
