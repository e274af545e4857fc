;; alloc and transform that call each other.
;; want: calls too deep
(module
  (memory (export "memory") 1)
  (func $alloc (export "alloc") (param i32) (result i32)
    (i32.wrap_i64 (call $transform (local.get 0) (local.get 0))))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.extend_i32_u (call $alloc (local.get $length)))))
