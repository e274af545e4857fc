package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/secret"
)

// Value is one value of a configuration, for showing what holds and why.
type Value struct {
	Key       string   `json:"key"`                 // "retry.delay"
	Text      string   `json:"value"`               // as a person would write it; secrets are masked
	Place     string   `json:"place"`               // where it stands, "default" if nowhere
	Variables []string `json:"variables,omitempty"` // that it reads, each as $NAME
}

// Place is the file and line of the webhook's entry.
func (w *Webhook) Place() string { return w.pos.short() }

func (p Pos) short() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Values lists what holds for the webhook, key by key.
func (w *Webhook) Values() []Value {
	return values("webhooks[].", w.used, w.show)
}

// Values lists what holds beside the webhooks, key by key.
func (c *Config) Values() []Value {
	return values("", c.used, c.show)
}

// values lists the keys below a path, where there is something to say of them.
func values(below string, used []use, show func(key string) string) []Value {
	var list []Value
	for _, key := range Keys {
		name, isBelow := strings.CutPrefix(key.Path, below)
		if !isBelow {
			continue
		}
		v := Value{Key: name, Text: show(name), Place: "default"}
		i := slices.IndexFunc(used, func(u use) bool {
			return u.path == name || name == "secret" && u.path == "secret_file"
		})
		if i >= 0 {
			v.Place = used[i].pos.short()
			for _, variable := range used[i].variables {
				if !slices.Contains(v.Variables, "$"+variable) {
					v.Variables = append(v.Variables, "$"+variable)
				}
			}
			if used[i].unresolved {
				v.Text = "not known without its variables"
			}
		}
		if v.Text != "" {
			list = append(list, v)
		}
	}
	return list
}

// show writes the value of a key beside the webhooks; "" where there is nothing to say.
func (c *Config) show(key string) string {
	switch key {
	case "network.https_only":
		return strconv.FormatBool(c.HTTPSOnly)
	case "queue.path":
		return cmp.Or(c.Queue.Path, keyByPath[key].Default)
	case "queue.keep":
		return orDefault(key, c.Queue.Keep)
	case "queue.keep_dead":
		return orDefault(key, c.Queue.KeepDead)
	case "queue.max_size":
		if c.Queue.MaxSize > 0 {
			return shortSize(c.Queue.MaxSize)
		}
		return keyByPath[key].Default
	case "network.allow":
		return showList(c.Allow)
	}
	return ""
}

func orDefault(key string, d time.Duration) string {
	if d == 0 {
		return keyByPath[key].Default
	}
	return shortDuration(d)
}

// show writes a key's value; "" where there is nothing to say.
func (w *Webhook) show(key string) string {
	if name, ofRetry := strings.CutPrefix(key, "retry."); ofRetry {
		return w.Retry.show(name)
	}
	switch key {
	case "url":
		return w.URL.String()
	case "events":
		var globs []string
		for _, glob := range w.Events {
			globs = append(globs, glob.Value)
		}
		return "[" + strings.Join(globs, ", ") + "]"
	case "filter":
		return w.Filter.Value
	case "transform":
		return w.showTransform()
	case "secret":
		return w.showSecrets()
	case "signing":
		var names []string
		for _, scheme := range w.Signing {
			names = append(names, string(scheme))
		}
		for _, scheme := range w.Custom {
			names = append(names, "custom "+scheme.Header)
		}
		return "[" + strings.Join(names, ", ") + "]"
	case "headers":
		var names []string
		for _, h := range w.Headers {
			names = append(names, h.Name+": "+secret.Mask)
		}
		return strings.Join(names, ", ")
	case "tls.ca_file":
		return w.TLS.CAFile
	case "tls.cert_file":
		return w.TLS.CertFile
	case "tls.key_file":
		return w.TLS.KeyFile
	case "timeout":
		return shortDuration(w.Timeout)
	case "rate":
		return w.Rate.String()
	case "order_by":
		return w.OrderBy.Value
	case "order_max_wait":
		if w.OrderBy.Value != "" {
			return shortDuration(w.OrderMaxWait)
		}
	case "max_in_flight":
		return strconv.Itoa(w.MaxInFlight)
	}
	return ""
}

func (r *Retry) show(key string) string {
	switch key {
	case "max_attempts":
		return strconv.Itoa(r.MaxAttempts)
	case "delay":
		return orDefault("webhooks[].retry.delay", r.Delay)
	case "backoff":
		return r.Backoff
	case "max_delay":
		return shortDuration(r.MaxDelay)
	case "schedule":
		return showList(r.Schedule)
	case "jitter":
		return fmt.Sprintf("%.0f%%", 100*r.Jitter)
	case "max_age":
		return orDefault("webhooks[].retry.max_age", r.MaxAge)
	case "statuses":
		return showList(r.Statuses)
	}
	return ""
}

func showList[T any](list []T) string {
	if len(list) == 0 {
		return ""
	}
	return strings.ReplaceAll(fmt.Sprint(list), " ", ", ")
}

func (w *Webhook) showSecrets() string {
	var list []string
	for _, s := range w.Secrets {
		text := secret.Mask
		if !s.NotBefore.IsZero() {
			text += " from " + s.NotBefore.Format(time.RFC3339)
		}
		if !s.NotAfter.IsZero() {
			text += " until " + s.NotAfter.Format(time.RFC3339)
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}
