;; One cycle through every line of the memory in random order, so that each load waits for the one before it and for the memory.
;; want: out of fuel
(module
  (memory (export "memory") 256)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (local $line i32) (local $p i32)
    (loop $lay
      (i32.store (i32.shl (local.get $line) (i32.const 6))
        (i32.shl (i32.and (i32.add (i32.mul (local.get $line) (i32.const 1664525)) (i32.const 1013904223)) (i32.const 0x3ffff)) (i32.const 6)))
      (local.set $line (i32.add (local.get $line) (i32.const 1)))
      (br_if $lay (i32.lt_u (local.get $line) (i32.const 0x40000))))
    (loop $follow
      (local.set $p (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (local.get $p))))))))))
      (local.set $p (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (local.get $p))))))))))
      (local.set $p (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (local.get $p))))))))))
      (local.set $p (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (local.get $p))))))))))
      (br $follow))
    (unreachable)))
