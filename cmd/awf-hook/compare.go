package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/lazy"
)

// compare pairs the requests that the test wants with those that would be sent, and notes the differences.
func (r *testResult) compare() {
	var wanted, got strings.Builder
	for i := range r.test.Want {
		w := &r.test.Want[i]
		at := slices.IndexFunc(r.actual, func(a actual) bool {
			return a.wants == nil && a.Webhook == w.Webhook && (w.Event == "" || w.Event == a.event)
		})
		if at < 0 {
			r.problems = append(r.problems, r.missing(w))
			continue
		}
		want := wantedResult(w)
		want.write(&wanted)
		r.actual[at].wants = w
		r.actual[at].result(w).write(&got)
	}
	for i := range r.actual {
		if a := &r.actual[i]; a.wants == nil {
			if a.Choice == engine.Sent {
				r.problems = append(r.problems, fmt.Sprintf("%s makes a request for %s that the test does not want", a.Webhook, a.event))
			}
			a.result(nil).write(&got)
		}
	}
	r.diff = unifiedDiff("wanted", "would be sent", wanted.String(), got.String())
}

// missing says that a wanted request was not made, and why.
func (r *testResult) missing(w *config.Want) string {
	what := "a request"
	if w.Drop {
		what = "a drop"
	}
	text := fmt.Sprintf("wanted %s of %s", what, w.Webhook)
	if w.Event != "" {
		text += " for " + w.Event
	}
	text += ", none was made"
	if why := r.silent[w.Webhook]; why != "" {
		text += ": " + why
	}
	return text
}

// result is the outcome of a webhook for an event, reduced to the parts that a test checks.
type result struct {
	webhook, event string // event is "" if it does not matter
	failure        string
	drop           bool
	headers        [][2]string
	key            string // how a test gives the body: "exact", "body" for a part of it, "" if it does not matter
	body           any    // canonical
}

func wantedResult(w *config.Want) result {
	r := result{webhook: w.Webhook, event: w.Event, drop: w.Drop}
	for _, h := range w.Headers {
		r.headers = append(r.headers, [2]string{h.Name, h.Value.Reveal()}) // written in the test itself
	}
	switch {
	case w.Body != nil:
		r.key, r.body = "body", treeValue(w.Body)
	case w.Exact != nil:
		r.key, r.body = "exact", treeValue(w.Exact)
	}
	return r
}

// result reduces what a webhook made to what w asks for; nil asks for everything.
func (a *actual) result(w *config.Want) result {
	r := result{webhook: a.Webhook, event: a.event}
	if w != nil {
		r.event = w.Event
	}
	switch {
	case a.Choice == engine.Dropped:
		r.drop = true
		return r
	case a.Choice != engine.Sent:
		r.failure = a.Why
		return r
	case w == nil:
		r.key, r.body = "exact", a.value()
		return r
	}
	for _, h := range w.Headers {
		value, there := a.header(h.Name)
		if value == engine.Masked && a.Reveal(h.Name) == h.Value.Reveal() {
			value = h.Value.Reveal()
		}
		if there {
			r.headers = append(r.headers, [2]string{h.Name, value})
		}
	}
	switch {
	case w.Body != nil:
		r.key, r.body = "body", project(treeValue(w.Body), a.value())
	case w.Exact != nil:
		r.key, r.body = "exact", a.value()
	}
	return r
}

// write writes a result for people.
func (r result) write(b *strings.Builder) {
	fmt.Fprintln(b, strings.TrimSpace(r.webhook+" "+r.event))
	switch {
	case r.failure != "":
		fmt.Fprintf(b, "  %s\n", r.failure)
	case r.drop:
		b.WriteString("  drop: true\n")
	}
	for _, h := range r.headers {
		fmt.Fprintf(b, "  %s: %s\n", h[0], h[1])
	}
	if r.key != "" {
		b.WriteString("  ")
		encodeIndented(b, "  ", "  ", r.body)
	}
}

// yaml returns what a webhook made as the lines of a test's want.
func (a *actual) yaml() []string {
	w := a.wants
	r := a.result(w)
	lines := []string{"- webhook: " + quoteYAML(r.webhook)}
	if r.event != "" {
		lines = append(lines, "  event: "+quoteYAML(a.event))
	}
	if r.drop {
		return append(lines, "  drop: true")
	}
	if w != nil {
		var headers []string
		for _, h := range w.Headers {
			value, there := a.header(h.Name)
			if value == engine.Masked { // it may be a credential
				value = h.Value.Reveal()
			}
			if there {
				headers = append(headers, "    "+quoteYAML(h.Name)+": "+quoteYAML(value))
			}
		}
		if headers != nil {
			lines = append(append(lines, "  headers:"), headers...)
		}
	}
	if r.key != "" {
		var text strings.Builder
		encode(&text, r.body)
		lines = append(lines, "  "+r.key+": "+strings.TrimSpace(text.String()))
	}
	return lines
}

func (a *actual) header(name string) (string, bool) {
	values := a.Header.Values(name)
	return strings.Join(values, ", "), len(values) > 0
}

// value returns the body as JSON, or as a text if it is not JSON.
func (a *actual) value() any {
	if v, ok := decode(a.Body); ok {
		return v
	}
	return string(a.Body)
}

func treeValue(t *config.Tree) any {
	v, _ := decode(t.AppendJSON(nil))
	return v
}

// decode reads one JSON value in canonical form.
func decode(text []byte) (v any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	ok = dec.Decode(&v) == nil && !dec.More()
	return canonical(v), ok
}

// canonical writes equal numbers alike: 1.0 and 1e0 as 1. A number without fraction and exponent keeps all its digits.
func canonical(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = canonical(value)
		}
	case []any:
		for i, value := range v {
			v[i] = canonical(value)
		}
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(string(v), ".eE") {
			text, _ := json.Marshal(f)
			return json.Number(text)
		}
	}
	return v
}

// project reduces got to what want asks for, so that a difference shows nothing else.
func project(want, got any) any {
	switch want := want.(type) {
	case map[string]any:
		m, ok := got.(map[string]any)
		if !ok {
			return got
		}
		some := map[string]any{}
		for key, value := range want {
			if inner, there := m[key]; there {
				some[key] = project(value, inner)
			}
		}
		return some
	case []any:
		list, ok := got.([]any)
		if !ok {
			return got
		}
		some := slices.Clone(list)
		for i := range min(len(want), len(list)) {
			some[i] = project(want[i], list[i])
		}
		return some
	}
	return got
}

var plainYAML = lazy.Regexp(`^[A-Za-z][A-Za-z0-9_.-]*$`)

// quoteYAML writes a text as YAML. It quotes only if YAML requires it.
func quoteYAML(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
	default:
		if plainYAML().MatchString(s) {
			return s
		}
	}
	return string(jsonbytes.AppendString(nil, s))
}
