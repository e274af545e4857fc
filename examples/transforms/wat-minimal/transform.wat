;; Puts the event into an envelope, {"awf":…}, for receivers that want one. It writes the envelope around the event and copies nothing.
(module
  (memory (export "memory") 1)
  (data (i32.const 1) "{\"awf\":")

  ;; The event begins at 8, where the data above ends. 0 means that there is no room for it.
  (func (export "alloc") (param $size i32) (result i32)
    (local $missing i32)
    (local.set $missing (i32.sub
      (i32.shr_u (i32.add (local.get $size) (i32.const 65544)) (i32.const 16)) ;; pages for 8 + size + 1 bytes
      (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then (return (i32.const 0))))))
    (i32.const 8))

  (func (export "transform") (param $at i32) (param $length i32) (result i64)
    (i32.store8 (i32.add (local.get $at) (local.get $length)) (i32.const 125)) ;; }
    (i64.or
      (i64.const 0x100000000) ;; the body begins at 1
      (i64.extend_i32_u (i32.add (local.get $length) (i32.const 8))))))
