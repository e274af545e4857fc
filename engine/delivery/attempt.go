package delivery

import (
	"fmt"
	"time"
)

// String returns the attempt in words, for a line that begins with its webhook's name: "attempt 3: 503 Service
// Unavailable after 1.2s".
func (a Attempt) String() string {
	unit := time.Millisecond
	if a.Took >= time.Second {
		unit = 100 * time.Millisecond
	}
	return fmt.Sprintf("attempt %d: %s after %v", a.Number, a.Reason, a.Took.Round(unit))
}

// Probe says how far a receiver can be reached without a request.
type Probe struct {
	Address string        `json:"address,omitempty"` // of the receiver, or of the proxy
	Proxied bool          `json:"proxied,omitzero"`  // a proxy was reached; what is behind it is unknown
	TLS     string        `json:"tls,omitempty"`     // its version; "" for none
	Expires time.Time     `json:"expires,omitzero"`  // of the receiver's certificate
	Took    time.Duration `json:"took"`
	Failure string        `json:"error,omitempty"` // "" if it was reached
}
