;; A memory that begins with more than the limit.
;; want: invalid module: its memory begins with 16842752 bytes, want at most 16777216
(module
  (memory (export "memory") 257)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (i64.const 0)))
