package delivery

import (
	"maps"
	"slices"
	"time"
)

// Lane says whose deliveries are claimed, and how.
type Lane struct {
	Webhook string        // the webhook's identity
	Lease   time.Duration // how long a claim holds
	Rate    float64       // attempts a second; 0 for no bound
	Burst   int           // how many of them may come at once
	Total   int           // how many may be in flight in all processes together; 0 for no bound
	Shared  bool          // other machines claim from it too: nobody takes more than it starts soon
}

// LaneStatus is what a store knows of a lane.
type LaneStatus struct {
	Webhook   string `json:"identity"`          // the webhook's identity
	Waiting   int    `json:"waiting"`           // deliveries without a final outcome, those in flight included
	Unstored  int    `json:"unstored,omitzero"` // of Waiting, those that end with the process
	Dead      int    `json:"dead"`              // dead letters that are kept
	Delivered int64  `json:"delivered"`         // ever
	Dropped   int64  `json:"dropped"`           // ever
	Discarded int64  `json:"discarded"`         // dead letters that had to make room
	Bytes     int64  `json:"bytes"`             // what the lane's deliveries take, roughly

	Due         time.Time `json:"due,omitzero"`          // when the next delivery may be claimed; zero if none may
	Failures    int       `json:"failures"`              // attempts in a row that failed
	Broken      int       `json:"transform_failures"`    // transforms in a row that failed
	PausedUntil time.Time `json:"paused_until,omitzero"` // zero if the lane is not paused
	Closed      string    `json:"closed,omitempty"`      // why the lane is closed; "" if it is open
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	FuelPercent int       `json:"fuel_percent,omitzero"` // most used by a wasm module, in the process that settled last; 0 if none ran
}

// BreakerFailures is how many failures in a row open a lane's breaker.
const BreakerFailures = 5

// BreakerOpen reports whether the lane sends one probe at a time.
func (l *LaneStatus) BreakerOpen() bool {
	return l.Failures >= BreakerFailures || l.Broken >= BreakerFailures
}

// Node is a process that uses a queue which machines share.
type Node struct {
	Name    string    `json:"node"`             // host and process id
	Config  string    `json:"config,omitempty"` // the digest of its webhooks; "" for one that has none
	Started time.Time `json:"started"`
	Seen    time.Time `json:"seen"`
	Keeper  bool      `json:"keeper"` // it keeps house
}

// Standing tells the deliveries of a lane that wait apart.
type Standing struct {
	Due      int // their time has come
	Later    int // it has not
	Behind   int // another one of their order key is first
	InFlight int
}

// Sum is how many there are.
func (s Standing) Sum() int { return s.Due + s.Later + s.Behind + s.InFlight }

// Configuration is one of those that nodes of a queue run with.
type Configuration struct {
	Digest string   `json:"digest"`
	Nodes  []string `json:"nodes"`
}

// Configurations are those of nodes that have one, by digest: more than one if they differ.
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

// Left is what waits in a lane when a report is made. What another process has in flight stands apart.
type Left struct {
	Webhook  string // the webhook's identity
	Own      Counts // accepted by the process that asks
	Earlier  Counts // accepted by others, which may run still
	Unstored Counts // of Own, those in memory alone
	Letters  int    // dead letters in memory alone
}

// Counts tells deliveries without a final outcome apart.
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

// Sum is how many there are that no other process has in flight.
func (c Counts) Sum() int { return c.Waiting + c.Retrying }
