;; Writes to one page after the other.
;; want: out of fuel
(module
  (memory (export "memory") 256)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (local $p i32)
    (loop $again
      (i64.store (local.get $p) (i64.const 1))
      (local.set $p (i32.and (i32.add (local.get $p) (i32.const 4160)) (i32.const 0xfffff8)))
      (br $again))
    (unreachable)))
