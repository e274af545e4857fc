package engine

import "github.com/awf-project/awf-hook/engine/internal/listen"

// Receiver is a local receiver for experiments: it verifies requests, shows them, and answers according to a script.
type Receiver = listen.Receiver

// Received is a request that a [Receiver] got.
type Received = listen.Request

// Script is a [Receiver]'s list of answers; [ParseScript] makes one.
type Script = listen.Script

// ParseScript parses a list of answers such as "503x2,429:5,reset,slow:3s,200". An entry is a status,
// "STATUS:SECONDS" for a status with a Retry-After header, "reset", or "slow:DURATION" for a delayed 200. "xTIMES"
// repeats an entry. A last entry without "xTIMES" answers all further requests. Otherwise they get 200, as with an
// empty list.
func ParseScript(list string) (Script, error) { return listen.ParseScript(list) }
