;; Half of the memory copied to the other half for ever.
;; want: out of fuel
(module
  (memory (export "memory") 256)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (loop $again
      (memory.copy (i32.const 1) (i32.const 8388608) (i32.const 8388607))
      (br $again))
    (unreachable)))
