package server

import (
	"context"
	"hash/fnv"
	"net/http"
	"sync"

	"github.com/awf-project/awf-hook/engine/event"
)

// keys makes requests with the same Idempotency-Key wait for each other, so that the second one finds what the first one stored.
type keys [64]sync.Mutex

// lock locks a source's key, and returns what unlocks it.
func (k *keys) lock(source, key string) (unlock func()) {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(source + "\n" + key))
	of := &k[sum.Sum32()%uint32(len(k))]
	of.Lock()
	return of.Unlock
}

// compare refuses a request whose Idempotency-Key came before with another body: it would be taken for the earlier one, and its events
// would be lost.
func (in *intake) compare() *problem {
	var keyed []event.Event
	var lines []int
	for i := range in.parsed {
		if p := &in.parsed[i]; p.anonymous && p.bad == nil && !p.known {
			keyed, lines = append(keyed, p.event), append(lines, p.line)
		}
	}
	if len(keyed) == 0 {
		return nil
	}
	at, err := in.server.Differs(context.WithoutCancel(in.request.Context()), keyed)
	if err != nil && in.server.Log != nil { // the queue cannot be read: whether it can be written is what counts
		in.server.Log.Warn("a request's Idempotency-Key was not compared with earlier ones", "source", in.source, "err", err)
	}
	if err != nil || at < 0 {
		return nil
	}
	return &problem{status: http.StatusUnprocessableEntity, line: lines[at], column: 1, reason: Bad,
		text: idempotencyKey + ": an earlier request had this key and another event here: use a new key for a new request"}
}
