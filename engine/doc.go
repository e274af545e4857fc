// Package engine turns events of AWF workflows into signed webhooks. It is awf-hook as a library.
//
//	event ─▶ route ─▶ queue ─▶ lane ─▶ sign + POST ─▶ outcome
//	         globs,   event +  due,    one attempt    delivered
//	         filter   deliveries                      retry: due later
//	                                                  dead: given up, with its reason
//
// [Open] compiles a configuration. [Engine.Run] delivers until it is told to stop.
// [Engine.Submit] accepts an event: it returns when the event and one delivery for each webhook that wants it are in the
// queue, and never waits for a receiver. [Engine.Read] submits the events of a stream of AWF's output.
// [Engine.Drain] waits for what is left, [Engine.Close] ends it.
//
// With [Options.Queue] the queue is a file. It keeps what is not delivered when the process ends, and the next process delivers
// it. Without it the queue is in memory and ends with the process, and [Engine.Report] says what was lost.
package engine
