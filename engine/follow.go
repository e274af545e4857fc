package engine

import (
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/source"
)

// Follow says which of AWF's files to follow.
type Follow struct {
	Paths       []string               // audit files, and folders of transcripts; they need not exist yet
	State       string                 // the folder where awf-hook keeps its state; Follow does not begin without one
	FromStart   bool                   // reads new files from their beginning instead of their end
	Storage     string                 // AWF's --storage; "" looks beside the paths
	OrphanAfter time.Duration          // how long a run may be quiet before it gets an end; 0 means for ever
	Broken      func(*event.LineError) // receives broken lines of a known dialect; may be nil
}

// Follow submits the events of files as they grow, through rotation, until ctx ends. It stores its positions after
// the events, so that the next Follow continues there. While the queue is full it waits for room.
func (e *Engine) Follow(ctx context.Context, f Follow) error {
	files := source.Follow{Paths: f.Paths, State: f.State, FromStart: f.FromStart, Storage: f.Storage, OrphanAfter: f.OrphanAfter}
	return files.Run(ctx, e.sink(f.Broken, ""))
}

// AuditFile returns the file that AWF writes its audit trail to, according to the environment; "" if it writes none.
func AuditFile(env func(string) (string, bool)) string { return source.AuditFile(env) }

// Storage returns the folder where AWF keeps the states of its runs, according to the environment.
func Storage(env func(string) (string, bool)) string { return source.Storage(nil, env) }

// Transcripts returns the folder that AWF writes its transcripts to, according to the environment.
func Transcripts(env func(string) (string, bool)) string { return source.Transcripts(env) }
