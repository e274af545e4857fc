package engine

import "github.com/awf-project/awf-hook/engine/internal/listen"

// Receiver is a local receiver for trying things out: it verifies what arrives, shows it and answers by a script.
type Receiver = listen.Receiver

// Received is a request that came to a [Receiver].
type Received = listen.Request

// Script is what a [Receiver] answers; [ParseScript] makes one.
type Script = listen.Script

// ParseScript reads a receiver's answers from a list like "503x2,429:5,reset,slow:3s,200":
// a status, "STATUS:SECONDS" with a Retry-After header, "reset", or "slow:DURATION" and then 200, each perhaps "xTIMES".
// A last entry without a number of times answers all further requests; else these get 200, as with an empty list.
func ParseScript(list string) (Script, error) { return listen.ParseScript(list) }
