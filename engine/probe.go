package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// maxProbes is how many receivers Probe connects to at a time.
const maxProbes = 32

// Probe says how far a webhook's receiver can be reached without a request.
type Probe struct {
	Webhook string `json:"webhook"`
	URL     string `json:"url"` // scheme and host
	delivery.Probe
}

// ProbeAll connects to the receivers of webhooks, several at a time, and sends no request. It returns when ctx ends
// at the latest.
func ProbeAll(ctx context.Context, cfg *config.Config, webhooks []config.Webhook) []Probe {
	all := make([]Probe, len(webhooks))
	turns := make(chan struct{}, maxProbes)
	var working sync.WaitGroup
	for i := range webhooks {
		working.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			w := webhooks[i]
			if deadline, bounded := ctx.Deadline(); bounded {
				w.Timeout = min(w.Timeout, time.Until(deadline).Round(time.Second/10))
			}
			if all[i] = (Probe{Webhook: w.Name, URL: w.URL.String()}); w.Timeout <= 0 {
				all[i].Failure = "not tried: the time was over"
				return
			}
			w.Known = slices.Concat(w.Known, cfg.Secrets())
			probed := newWebhook(compiled{Webhook: w}, &Options{}, cfg.Allow)
			defer probed.sender.Close()
			all[i].Probe = probed.sender.Probe(ctx)
		})
	}
	working.Wait()
	return all
}
