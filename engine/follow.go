package engine

import (
	"context"
	"path/filepath"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/source"
)

// Follow says which of AWF's files to follow.
type Follow struct {
	Paths       []string               // audit files, and folders of transcripts; they may appear later
	State       string                 // awf-hook's folder for what it keeps
	FromStart   bool                   // reads files that were never followed from their beginning instead of their end
	Storage     string                 // AWF's --storage, where it has one; "" is beside the paths
	OrphanAfter time.Duration          // how long a run may be quiet before it is given an end; 0 gives none
	Broken      func(*event.LineError) // is told the lines of a known dialect that are broken; may be nil
}

// Follow submits the events of files as they grow, through rotation, until ctx ends. It stores its positions after the events,
// so that the next Follow continues there. While the queue is full it waits for room.
func (e *Engine) Follow(ctx context.Context, f Follow) error {
	follow := source.Follow{
		Paths: f.Paths, State: filepath.Join(f.State, "follow"), FromStart: f.FromStart,
		Storage: f.Storage, OrphanAfter: f.OrphanAfter,
	}
	return follow.Run(ctx, e.sink(f.Broken))
}

// AuditFile is the file that AWF writes its audit trail to, as the environment says; "" if it writes none.
func AuditFile(env func(string) (string, bool)) string { return source.AuditFile(env) }

// Storage is the folder that AWF keeps the states of its runs in, as the environment says.
func Storage(env func(string) (string, bool)) string { return source.Storage(nil, env) }

// Transcripts is the folder that AWF writes its transcripts to, as the environment says.
func Transcripts(env func(string) (string, bool)) string { return source.Transcripts(env) }
