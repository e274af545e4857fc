package delivery

import (
	"maps"
	"slices"
	"time"
)

// Lane says which deliveries to claim, and how.
type Lane struct {
	Webhook string        // the webhook's identity
	Lease   time.Duration // how long a claim holds
	Rate    float64       // attempts per second; 0 for no limit
	Burst   int           // how many attempts may come at once
	Total   int           // how many may be in flight in all processes together; 0 for no limit
	Shared  bool          // other machines claim from it too, so nobody claims more than it starts soon
}

// LaneStatus is a store's record of a lane.
type LaneStatus struct {
	Webhook string `json:"identity"` // the webhook's identity
	LaneCounts
	Due time.Time `json:"due,omitzero"` // when the next delivery may be claimed; zero if none may be
	LaneState
}

// LaneCounts counts a lane's deliveries.
type LaneCounts struct {
	Waiting   int   `json:"waiting"`           // deliveries without a final outcome, those in flight included
	Unstored  int   `json:"unstored,omitzero"` // those of Waiting that end with the process
	Dead      int   `json:"dead"`              // dead letters that are kept
	Delivered int64 `json:"delivered"`         // ever
	Dropped   int64 `json:"dropped"`           // ever
	Discarded int64 `json:"discarded"`         // dead letters that were removed to make room
	Bytes     int64 `json:"bytes"`             // approximate size of the lane's deliveries
}

// LaneState says whether a lane sends.
type LaneState struct {
	Failures          int       `json:"failures"`              // failed attempts in a row
	TransformFailures int       `json:"transform_failures"`    // failed transforms in a row
	PausedUntil       time.Time `json:"paused_until,omitzero"` // zero if the lane is not paused
	Closed            string    `json:"closed,omitempty"`      // why the lane is closed; "" if it is open
	LastError         string    `json:"last_error,omitempty"`
	LastErrorAt       time.Time `json:"last_error_at,omitzero"`
	FuelPercent       int       `json:"fuel_percent,omitzero"` // the most that a module used, in the process that settled last

	Tokens   float64   `json:"-"` // of the rate, at TokensAt; see [LaneState.Allowed]
	TokensAt time.Time `json:"-"` // zero without a rate
}

// Allowed returns when a rate in attempts per second allows the next attempt; zero if it allows one now.
func (l *LaneState) Allowed(rate float64) time.Time {
	if rate == 0 || l.TokensAt.IsZero() || l.Tokens >= 1 {
		return time.Time{}
	}
	return l.TokensAt.Add(TokenWait(l.Tokens, rate))
}

// TokenWait returns how long a lane with less than one token waits for its next one.
func TokenWait(tokens, rate float64) time.Duration {
	return time.Duration((1 - tokens) / rate * float64(time.Second))
}

// BreakerFailures is how many failures in a row open a lane's breaker.
const BreakerFailures = 5

// BreakerOpen reports whether the lane sends one probe at a time.
func (l *LaneState) BreakerOpen() bool {
	return l.Failures >= BreakerFailures || l.TransformFailures >= BreakerFailures
}

// Node is a process that uses a shared queue.
type Node struct {
	Name    string    `json:"node"`             // host and process id
	Config  string    `json:"config,omitempty"` // the digest of its webhooks; "" if it has none
	Started time.Time `json:"started"`
	Seen    time.Time `json:"seen"`
	Keeper  bool      `json:"keeper"` // it keeps house
}

// Standing counts the waiting deliveries of a lane by their state.
type Standing struct {
	Due      int // may be sent now
	Later    int // not due yet
	Behind   int // wait for another delivery of the same order key
	InFlight int
}

// Sum returns the number of waiting deliveries.
func (s Standing) Sum() int { return s.Due + s.Later + s.Behind + s.InFlight }

// Configuration is a configuration that nodes of a shared queue run with.
type Configuration struct {
	Digest string   `json:"digest"`
	Nodes  []string `json:"nodes"`
}

// Configurations groups nodes by their configuration. It returns more than one if the nodes differ.
func Configurations(nodes []Node) (list []Configuration) {
	by := map[string][]string{}
	for _, n := range nodes {
		if n.Config != "" {
			by[n.Config] = append(by[n.Config], n.Name)
		}
	}
	for _, digest := range slices.Sorted(maps.Keys(by)) {
		list = append(list, Configuration{digest, by[digest]})
	}
	return list
}

// Left counts, for a report, what waits in a lane. What another process has in flight is counted separately.
type Left struct {
	Webhook  string // the webhook's identity
	Own      Counts // accepted by the calling process
	Earlier  Counts // accepted by others, which may still run
	Unstored Counts // those of Own in memory alone
	Letters  int    // dead letters in memory alone
}

// Counts counts deliveries without a final outcome.
type Counts struct {
	Waiting  int // without an attempt yet
	Retrying int // with one or more
	InFlight int // in flight in another process
}

// Add adds n deliveries, tried or not.
func (c *Counts) Add(tried bool, n int) {
	if tried {
		c.Retrying += n
	} else {
		c.Waiting += n
	}
}

// Sum returns how many of them no other process has in flight.
func (c Counts) Sum() int { return c.Waiting + c.Retrying }
