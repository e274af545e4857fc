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
