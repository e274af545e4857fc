package api

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/spelling"
)

// unknown is an [engine.ErrUnknown] that says what does not exist.
type unknown struct{ error }

func (u unknown) Is(target error) bool { return target == engine.ErrUnknown }

// Unknown marks an error as about something that does not exist.
func Unknown(err error) error { return unknown{err} }

// WebhookName returns the name in a webhook's identity.
func WebhookName(identity string) string {
	_, name := config.SplitIdentity(identity)
	return name
}

// NameOf returns a function that names the webhooks of a list: by their identities if two of them share a name.
func NameOf[T any](list []T, webhook func(*T) string) func(identity string) string {
	identities := map[string]string{} // by name; "" if several have it
	for i := range list {
		identity := webhook(&list[i])
		if known, is := identities[WebhookName(identity)]; is && known != identity {
			identity = ""
		}
		identities[WebhookName(webhook(&list[i]))] = identity
	}
	return func(identity string) string {
		if identities[WebhookName(identity)] == "" {
			return identity
		}
		return WebhookName(identity)
	}
}

// Configured returns the active webhooks of a configuration, those of workflow definitions included, by identity.
func Configured(cfg *config.Config) map[string]*config.Webhook {
	all := map[string]*config.Webhook{}
	for _, w := range cfg.ActiveAnywhere() {
		all[w.Identity] = &w
	}
	return all
}

// Resolve returns the identity of the only webhook with a name or an identity.
func Resolve(called string, identities []string) (string, error) {
	if slices.Contains(identities, called) {
		return called, nil
	}
	named := slices.DeleteFunc(slices.Sorted(slices.Values(identities)), func(identity string) bool { return WebhookName(identity) != called })
	named = slices.Compact(named)
	switch len(named) {
	case 0:
		return "", unknownWebhook(called, identities)
	case 1:
		return named[0], nil
	}
	return "", Bad(fmt.Errorf("%s is the name of %d webhooks: want one of %s", called, len(named), strings.Join(named, ", ")))
}

// unknownWebhook returns the error for a name or an identity that no webhook has.
func unknownWebhook(called string, identities []string) error {
	names := make([]string, len(identities))
	for i, identity := range identities {
		names[i] = WebhookName(identity)
	}
	if name := WebhookName(called); name != called {
		if at := slices.Index(names, spelling.Nearest(name, names)); at >= 0 {
			return Unknown(fmt.Errorf("no webhook is called %s: did you mean %s?", called, identities[at]))
		}
	}
	return Unknown(spelling.Unknown("webhook", called, names))
}

// queued lists the identities of the webhooks that had a delivery.
func (l Local) queued(ctx context.Context) (identities []string, err error) {
	lanes, err := l.Deliveries.Lanes(ctx)
	for i := range lanes {
		identities = append(identities, lanes[i].Webhook)
	}
	return identities, err
}

// configured lists the identities of the configuration's webhooks, those that are switched off included. Errors show them, so it lists
// none of a broken configuration.
func (l Local) configured() []string {
	if l.Broken {
		return nil
	}
	cfg := l.Config()
	identities := slices.Collect(maps.Keys(Configured(cfg)))
	for _, w := range cfg.Webhooks {
		identities = append(identities, w.Identity)
	}
	return identities
}

// check returns an error if neither the queue nor the configuration has a webhook of this name or identity. It accepts "".
func (l Local) check(ctx context.Context, called string) error {
	if called == "" {
		return nil
	}
	isCalled := func(identity string) bool { return identity == called || WebhookName(identity) == called }
	known, err := l.queued(ctx)
	if err != nil || slices.ContainsFunc(known, isCalled) { // most are: do not read workflow definitions for them
		return err
	}
	if known = append(known, l.configured()...); slices.ContainsFunc(known, isCalled) {
		return nil
	}
	return unknownWebhook(called, known)
}

// WholeID returns an error if a filter has only the beginning of an id. A filter for a change must not.
func WholeID(f engine.Filter) error {
	if f.ID != "" && len(f.ID) != len(delivery.ID("", "")) {
		return Bad(fmt.Errorf("id: want a whole id, got %.40q", f.ID))
	}
	return nil
}
