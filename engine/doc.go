// Package engine turns events of AWF workflows into signed webhooks. It is awf-hook as a library.
//
//	event ─▶ route ─▶ queue ─▶ lane ─▶ sign + POST ─▶ outcome
//	         globs,   event +  due,    one attempt    delivered
//	         filter   deliveries                      retry: due later
//	                                                  dead: given up, with its reason
//
// Start with [Open], which compiles a configuration and opens its queue. Call [Engine.Run] in a goroutine: it delivers
// until its context ends. [Engine.Submit] accepts one event, [Engine.Read] the events in a stream of AWF's output.
// [Engine.Drain] waits until everything is delivered, [Engine.Close] stops the engine.
//
// When Submit returns nil, the event and one delivery for each webhook that wants it are in the queue. From then on a
// delivery is delivered, or it is kept with the reason why not. Submit never waits for a receiver. A receiver may get a
// delivery twice, with the same id: after a crash nobody knows whether the last request arrived.
//
// With [Options.Queue] the queue is a file or a database. It keeps undelivered deliveries when the process ends, and the
// next process delivers them. Without it the queue is in memory and ends with the process; [Engine.Report] says what was
// lost.
package engine
