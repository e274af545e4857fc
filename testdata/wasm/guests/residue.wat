;; Looks for what another event has left in its memory, of which it is said where it writes: the event is a number of bytes that
;; says how many pages are touched, and where.
(module
  (memory (export "memory") 40)
  (func (export "alloc") (param i32) (result i32) (i32.const 64))
  (func (export "transform") (param $at i32) (param $length i32) (result i64)
    (local $p i32) (local $end i32) (local $n i32)
    ;; Every eighth length takes more memory.
    (if (i32.eqz (i32.and (local.get $length) (i32.const 7)))
      (then (drop (memory.grow (i32.and (local.get $length) (i32.const 63))))))
    (local.set $end (i32.shl (memory.size) (i32.const 16)))
    (local.set $p (i32.const 4096)) ;; before it, the event
    (loop $look
      (if (i64.ne (i64.load (local.get $p)) (i64.const 0))
        (then
          (i64.store (i32.const 0) (i64.const 0x2265756469736572)) ;; residue"
          (return (i64.const 8))))
      (local.set $p (i32.add (local.get $p) (i32.const 1024)))
      (br_if $look (i32.lt_u (local.get $p) (local.get $end))))
    (local.set $n (local.get $length))
    (local.set $p (i32.mul (local.get $length) (i32.const 40503)))
    (loop $write
      (local.set $p (i32.add (i32.mul (local.get $p) (i32.const 1664525)) (i32.const 1013904223)))
      (i64.store
        (i32.add (i32.const 4096)
          (i32.and (i32.rem_u (local.get $p) (i32.sub (local.get $end) (i32.const 8192))) (i32.const 0xfffffc00)))
        (i64.const -1))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $write (i32.gt_s (local.get $n) (i32.const 0))))
    (i32.store8 (i32.const 0) (i32.const 0x30))
    (i64.const 1)))
