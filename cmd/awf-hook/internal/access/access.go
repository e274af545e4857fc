// Package access says who makes a request of awf-hook serve, and what they may do. The server finds out who it is; the page and
// the API ask with [From].
package access

import (
	"context"
	"fmt"
)

// Role is what a client may see and change. Each role includes those below it.
type Role int

const (
	None    Role = iota
	Read         // sees deliveries, webhooks and the configuration
	Operate      // also sends again, discards, pauses, enables and disables
	Admin        // also sends events
)

func (r Role) String() string {
	switch r {
	case Read:
		return "read"
	case Operate:
		return "operate"
	case Admin:
		return "admin"
	}
	return "none"
}

// ParseRole reads a role by its name.
func ParseRole(name string) (Role, error) {
	for _, r := range []Role{Read, Operate, Admin} {
		if r.String() == name {
			return r, nil
		}
	}
	return None, fmt.Errorf("want read, operate or admin, got %q", name)
}

// Who is the client of a request. Its zero value may do nothing.
type Who struct {
	Name  string // of the token, as the configuration has it
	Role  Role
	Sends bool // may send events
}

type key struct{}

// With returns a context that carries who makes the request.
func With(ctx context.Context, who Who) context.Context { return context.WithValue(ctx, key{}, who) }

// From returns who makes the request.
func From(ctx context.Context) Who {
	who, _ := ctx.Value(key{}).(Who)
	return who
}
