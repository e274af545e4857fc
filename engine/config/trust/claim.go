// Package trust records which checkouts the user trusts, and to do what.
//
// A list of [Claim] values describes what a checkout's files would do. [In] names the record in the state folder, and [Record.Judge]
// compares the recorded claims with those of the files. A checkout stays trusted until it claims something new.
//
// Other programs should not import it: it serves only this module and may change at any time.
package trust

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Claim describes what a webhook of a checkout would do. Its file and its name are for people and make no difference.
type Claim struct {
	File      string   `json:"file"`
	Webhook   string   `json:"webhook"`
	Host      string   `json:"host,omitempty"`      // the receiver: scheme and host, as written: "https://hooks.example.com"
	Address   string   `json:"address,omitempty"`   // a digest of the URL as written, because many people may have addresses at one host
	Variables []string `json:"variables,omitempty"` // names of the environment variables that it reads, sorted
	Overrides string   `json:"overrides,omitempty"` // name of the user's own webhook that it replaces
	Off       bool     `json:"off,omitempty"`       // it switches that webhook off
	Modules   []string `json:"modules,omitempty"`   // "redact.wasm sha256:…"

	Moved bool `json:"-"` // of a new claim: it differs from a trusted one only by the address
}

// key returns the parts that make a difference.
func (c Claim) key() string {
	c.File, c.Webhook = "", ""
	text, _ := json.Marshal(c) // marshaling texts and bools cannot fail
	return string(text)
}

// String returns the claim in words, without its file.
func (c Claim) String() string {
	var parts []string
	switch {
	case c.Off:
		parts = append(parts, "switches off your webhook "+c.Overrides)
	case c.Overrides != "":
		parts = append(parts, "takes the place of your webhook "+c.Overrides)
	}
	host := c.Host
	if ascii := strings.Trim(strconv.QuoteToASCII(host), `"`); ascii != host { // it may only look like a known one
		host += ", which is " + ascii
	}
	switch {
	case c.Moved:
		parts = append(parts, "sends to another address at "+host)
	case host != "":
		parts = append(parts, "sends to "+host)
	}
	if len(c.Variables) > 0 {
		parts = append(parts, "reads $"+strings.Join(c.Variables, ", $"))
	}
	if len(c.Modules) > 0 {
		parts = append(parts, "runs "+strings.Join(c.Modules, ", "))
	}
	return cmp.Or(strings.Join(parts, "; "), "does nothing")
}

// Digest returns the SHA-256 of the parts of claims that make a difference. Their order does not matter.
func Digest(claims []Claim) string {
	var keys []string
	for _, c := range claims {
		keys = append(keys, c.key())
	}
	slices.Sort(keys)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(keys), "\n")))
	return hex.EncodeToString(sum[:])
}

// New returns the claims that the user does not trust.
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

// Without returns the claims that are not among others.
func Without(claims, others []Claim) []Claim {
	known := map[string]bool{}
	for _, c := range others {
		known[c.key()] = true
	}
	return slices.DeleteFunc(slices.Clone(claims), func(c Claim) bool { return known[c.key()] })
}
