;; A command without a memory.
;; want: invalid module: does not export memory
(module (func (export "_start")))
