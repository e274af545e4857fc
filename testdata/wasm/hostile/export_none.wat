;; A module that exports nothing.
;; want: invalid module: exports neither transform (a reactor) nor _start (a command)
(module)
