;; Fills little, over and over, each across two pages that were not touched lately: for the most time that a fill can take.
;; want: out of fuel: limit 22695000
(module
  (memory (export "memory") 256 256)
  (func (export "alloc") (param i32) (result i32) i32.const 1024)
  (func $fill (param $i i32) (result i32)
    (memory.fill (i32.or (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 6811648))) (i32.const 0xffe000)) (i32.const 4000)) (i32.const 1) (i32.const 159))
    (memory.fill (i32.or (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 6811648))) (i32.const 0xffe000)) (i32.const 4000)) (i32.const 1) (i32.const 159))
    (memory.fill (i32.or (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 6811648))) (i32.const 0xffe000)) (i32.const 4000)) (i32.const 1) (i32.const 159))
    (memory.fill (i32.or (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 6811648))) (i32.const 0xffe000)) (i32.const 4000)) (i32.const 1) (i32.const 159))
    local.get $i)
  (func (export "transform") (param $i i32) (param i32) (result i64)
    (loop $again (local.set $i (call $fill (local.get $i))) (br $again))
    i64.const 0))
