;; Memory grown by nothing, and by more than there is, for ever.
;; want: out of fuel
(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func $transform (export "transform") (param $at i32) (param $length i32) (result i64)
    (loop $again
      (drop (memory.grow (i32.const 0)))
      (drop (memory.grow (i32.const 1)))
      (drop (memory.grow (i32.const -1)))
      (br $again))
    (unreachable)))
