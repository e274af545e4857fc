;; Reads that miss the caches, each of which needs the one before.
;; want: out of fuel
(module
  (memory (export "memory") 256)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (local $p i32)
    (loop $again
      (local.set $p (i32.and
        (i32.add (i32.mul (i32.add (local.get $p) (i32.load (local.get $p))) (i32.const 1103515245)) (i32.const 12345))
        (i32.const 0xfffffc)))
      (br $again))
    (unreachable)))
