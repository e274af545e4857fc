;; A cycle of pointers through all of the memory, laid out and then followed.
;; want: out of fuel
(module
  (memory (export "memory") 256)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (local $p i32)
    (loop $lay
      (i32.store (local.get $p) (i32.and (i32.add (i32.mul (local.get $p) (i32.const 5)) (i32.const 4099)) (i32.const 0xffffc0)))
      (local.set $p (i32.add (local.get $p) (i32.const 64)))
      (br_if $lay (i32.lt_u (local.get $p) (i32.const 0x1000000))))
    (local.set $p (i32.const 0))
    (loop $follow
      (local.set $p (i32.load (local.get $p)))
      (local.set $p (i32.load (local.get $p)))
      (local.set $p (i32.load (local.get $p)))
      (local.set $p (i32.load (local.get $p)))
      (br $follow))
    (unreachable)))
