;; An endless loop in _start.
;; want: out of fuel
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (loop $again (br $again))))
