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
	Paths       []string               // audit files, and folders of transcripts; they need not be there yet
	State       string                 // awf-hook's folder for what it keeps
	FromStart   bool                   // files that were never followed are read from their beginning instead of their end
	OrphanAfter time.Duration          // how long a run may be quiet before it is given an end; 0 gives none
	Broken      func(*event.LineError) // is told the lines of a known dialect that are broken; may be nil
}

// Follow submits the events of files as they grow, through rotation, until ctx ends. How far it came is kept when the events
// are stored, so that the next one goes on there. While the queue is full it waits for room.
func (e *Engine) Follow(ctx context.Context, f Follow) error {
	follow := source.Follow{
		Paths: f.Paths, State: filepath.Join(f.State, "follow"), FromStart: f.FromStart, OrphanAfter: f.OrphanAfter,
	}
	return follow.Run(ctx, e.sink(f.Broken))
}

// AuditFile is the file that AWF writes its audit trail to, as the environment says; "" if it writes none.
func AuditFile(env func(string) (string, bool)) string { return source.AuditFile(env) }

// Transcripts is the folder that AWF writes its transcripts to, as the environment says.
func Transcripts(env func(string) (string, bool)) string { return source.Transcripts(nil, env) }
