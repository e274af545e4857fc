// Package engine turns events of AWF workflows into signed webhooks. It is awf-hook as a library.
//
//	event ─▶ route ─▶ queue ─▶ lane ─▶ sign + POST ─▶ outcome
//	         globs,   event +  due,    one attempt    delivered
//	         filter   deliveries                      retry: due later
//	                                                  dead: given up, with its reason
//
// # Use
//
// Read a configuration with [config.Load] or [config.Parse]. [Open] compiles it and opens its queue. Call [Engine.Run] in
// a goroutine: it delivers until its context ends. [Engine.Submit] accepts one event, [Engine.Read] the events in a stream
// of AWF's output, [Engine.Follow] those in AWF's files, and [Engine.Attend] those of a command that [Start] started.
// [Engine.Drain] waits until everything is delivered, [Engine.Close] stops the engine, and [Engine.Report] says what
// happened to every event. A receiver verifies requests with package signature.
//
// [Check], [Engine.Preview] and [Engine.Explain] show what a configuration does, and send nothing. [Engine.Queue] and
// [OpenDeliveries] list and change what is in a queue.
//
// # Guarantees
//
// When Submit returns nil, the event and one delivery for each webhook that wants it are in the queue. From then on a
// delivery is delivered, or it is kept with the reason why not. A receiver may get a delivery twice, with the same id:
// after a crash nobody knows whether the last request arrived. Submit never waits for a receiver, and a slow receiver
// or transform delays only its own webhook.
//
// With [Options.Queue] the queue is a file or a database. It keeps undelivered deliveries when the process ends, and the
// next process delivers them. Without it the queue is in memory and ends with the process. A file or a database that
// cannot be written does not stop the engine: new deliveries are in memory, within a bound, until it can be written
// again. [Engine.Close] writes them to [Options.Spill] if it never could, and Report counts what was lost. To accept
// events only if they survive a crash, use [Engine.Commit].
//
// Every method of [Engine] and [Deliveries] may be called by several goroutines at once.
package engine
