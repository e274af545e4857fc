// Package access says who makes a request to awf-hook serve, and what they may do. The server authenticates the client;
// the page and the API call [From].
package access

import (
	"context"
	"fmt"
	"slices"
)

// Role determines what a client may see and change. Each role includes the ones before it.
type Role int

const (
	None    Role = iota
	Read         // see deliveries, webhooks and the configuration
	Operate      // also replay, delete, pause, enable and disable
	Admin        // also send events
)

var roles = [...]string{None: "none", Read: "read", Operate: "operate", Admin: "admin"}

func (r Role) String() string { return roles[r] }

// ParseRole parses a role's name.
func ParseRole(name string) (Role, error) {
	if i := slices.Index(roles[:], name); i > int(None) {
		return Role(i), nil
	}
	return None, fmt.Errorf("want read, operate or admin, got %q", name)
}

// Who is the client of a request. The zero value may do nothing.
type Who struct {
	Name    string // of the token in the configuration
	Role    Role
	Sends   bool // may send events
	Session bool // a token was typed into the page: its user may log out
}

type key struct{}

// With returns a context that carries the client.
func With(ctx context.Context, who Who) context.Context { return context.WithValue(ctx, key{}, who) }

// From returns the client of a request.
func From(ctx context.Context) Who {
	who, _ := ctx.Value(key{}).(Who)
	return who
}
