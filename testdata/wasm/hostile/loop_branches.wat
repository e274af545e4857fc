;; An endless loop of branches that cannot be predicted.
;; want: out of fuel
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (local $x i32)
    (local.set $x (i32.const 88172645))
    (loop $again
      (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
      (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
      (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 5))))
      (block $a (block $b (block $c (block $d
        (br_table $a $b $c $d (i32.and (local.get $x) (i32.const 3))))
        (i32.store (i32.const 8) (local.get $x)))
        (i32.store (i32.const 12) (local.get $x)))
        (i32.store (i32.const 16) (local.get $x)))
      (br $again))
    (unreachable)))
