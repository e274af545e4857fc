package engine

import "github.com/awf-project/awf-hook/engine/internal/listen"

// Receiver is a local receiver for experiments: it verifies requests, shows them, and answers by a script.
type Receiver = listen.Receiver

// Received is a request that a [Receiver] got.
type Received = listen.Request

// Script lists the answers of a [Receiver]; [ParseScript] makes one.
type Script = listen.Script

// ParseScript reads a receiver's answers from a list like "503x2,429:5,reset,slow:3s,200":
// a status, "STATUS:SECONDS" with a Retry-After header, "reset", or "slow:DURATION" and then 200, each optionally with "xTIMES".
// A last entry without "xTIMES" answers all further requests. Otherwise they get 200, as with an empty list.
func ParseScript(list string) (Script, error) { return listen.ParseScript(list) }
