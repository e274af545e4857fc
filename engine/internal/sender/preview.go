package sender

import (
	"context"
	"net/http"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Request makes the request of an attempt, signed at its time, as Send sends it. It holds secrets.
func (s *Sender) Request(ctx context.Context, d *delivery.Delivery, a delivery.Attempt) (*http.Request, error) {
	return s.request(ctx, d, a)
}
