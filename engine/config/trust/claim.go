// Package trust remembers which checkouts the user trusts, and with what.
//
// A checkout's files say what they would do as a list of [Claim]s. [In] opens the record in the state folder; [Record.Judge] compares
// what was trusted with what the files say now. A checkout that claims nothing new stays trusted; one new claim makes it untrusted again.
package trust

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// Claim is what one webhook of a checkout would do. Where it stands and what it is called are for people and make no difference.
type Claim struct {
	File      string   `json:"file"`
	Webhook   string   `json:"webhook"`
	Host      string   `json:"host,omitempty"`      // the receiver: scheme and host, as written: "https://hooks.example.com"
	Address   string   `json:"address,omitempty"`   // a digest of the whole URL as written: at one host, anyone may have an address
	Variables []string `json:"variables,omitempty"` // the names of the environment variables that it reads, sorted
	Overrides string   `json:"overrides,omitempty"` // the name of the user's own webhook whose place it takes
	Off       bool     `json:"off,omitempty"`       // it switches that webhook off
	Modules   []string `json:"modules,omitempty"`   // "redact.wasm sha256:…"

	Moved bool `json:"-"` // of a new claim: the user trusts the same but for the address
}

// key is what makes a difference.
func (c Claim) key() string {
	c.File, c.Webhook = "", ""
	text, _ := json.Marshal(c) // texts and a bool always have an encoding
	return string(text)
}

// String is the claim in words, without where it stands.
func (c Claim) String() string {
	var parts []string
	switch {
	case c.Off:
		parts = append(parts, "switches off your webhook "+c.Overrides)
	case c.Overrides != "":
		parts = append(parts, "takes the place of your webhook "+c.Overrides)
	}
	switch {
	case c.Moved:
		parts = append(parts, "sends to another address at "+c.Host)
	case c.Host != "":
		parts = append(parts, "sends to "+c.Host)
	}
	if len(c.Variables) > 0 {
		parts = append(parts, "reads $"+strings.Join(c.Variables, ", $"))
	}
	if len(c.Modules) > 0 {
		parts = append(parts, "runs "+strings.Join(c.Modules, ", "))
	}
	return cmp.Or(strings.Join(parts, "; "), "does nothing")
}

// Digest is the SHA-256 of what makes a difference in claims, whatever their order.
func Digest(claims []Claim) string {
	var keys []string
	for _, c := range claims {
		keys = append(keys, c.key())
	}
	slices.Sort(keys)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(keys), "\n")))
	return hex.EncodeToString(sum[:])
}

// New lists the claims that the user does not trust.
func (r *Record) New(claims []Claim) []Claim {
	list := Without(claims, r.Claims)
	for i := range list {
		list[i].Moved = slices.ContainsFunc(r.Claims, func(known Claim) bool {
			known.Address = list[i].Address
			return known.key() == list[i].key()
		})
	}
	return list
}

// Without lists the claims that are not among others.
func Without(claims, others []Claim) []Claim {
	known := map[string]bool{}
	for _, c := range others {
		known[c.key()] = true
	}
	return slices.DeleteFunc(slices.Clone(claims), func(c Claim) bool { return known[c.key()] })
}
