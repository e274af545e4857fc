package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Value is one value of a webhook, for showing what holds and why.
type Value struct {
	Key       string   // "retry.delay"
	Text      string   // as a person would write it; secrets are masked
	Place     string   // where it stands, "default" if nowhere
	Variables []string // that it reads, each as $NAME
}

// Place is the file and line of the webhook's entry.
func (w *Webhook) Place() string { return w.pos.short() }

func (p Pos) short() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Values lists what holds for the webhook, key by key.
func (w *Webhook) Values() []Value {
	var values []Value
	for _, key := range Keys {
		name, isWebhook := strings.CutPrefix(key.Path, "webhooks[].")
		text := w.show(name)
		if !isWebhook || key.Later || text == "" {
			continue
		}
		v := Value{Key: name, Text: text, Place: "default"}
		for _, u := range w.used {
			if u.path == name || strings.HasPrefix(u.path, name+"[") {
				v.Place = u.pos.short()
				for _, variable := range u.variables {
					v.Variables = append(v.Variables, "$"+variable)
				}
				break
			}
		}
		values = append(values, v)
	}
	return values
}

// show writes a key's value; "" where there is nothing to say.
func (w *Webhook) show(key string) string {
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
	case "secret":
		return w.showSecrets()
	case "signing":
		var names []string
		for _, scheme := range w.Signing {
			names = append(names, string(scheme))
		}
		return "[" + strings.Join(names, ", ") + "]"
	case "headers":
		var names []string
		for _, h := range w.Headers {
			names = append(names, h.Name+": "+masked)
		}
		return strings.Join(names, ", ")
	case "timeout":
		return shortDuration(w.Timeout)
	case "retry.max_attempts":
		return strconv.Itoa(w.Retry.MaxAttempts)
	case "retry.delay":
		if w.Retry.Delay == 0 {
			return keyByPath["webhooks[].retry.delay"].Default
		}
		return shortDuration(w.Retry.Delay)
	case "max_in_flight":
		return strconv.Itoa(w.MaxInFlight)
	}
	return ""
}

func (w *Webhook) showSecrets() string {
	var list []string
	for _, s := range w.Secrets {
		text := masked
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
