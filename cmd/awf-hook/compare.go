package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// compare pairs what is wanted with what would be sent, and sets the difference.
func (r *testResult) compare() {
	var wanted, got strings.Builder
	for i := range r.test.Want {
		w := &r.test.Want[i]
		expected := renderWant(w)
		wanted.WriteString(expected)
		at := slices.IndexFunc(r.actual, func(a actual) bool {
			return a.wants == nil && a.Webhook == w.Webhook && (w.Event == "" || w.Event == a.event)
		})
		if at < 0 {
			continue
		}
		a := &r.actual[at]
		a.wants = w
		if text, same := a.render(w); same {
			got.WriteString(expected)
		} else {
			got.WriteString(text)
		}
	}
	for i := range r.actual {
		if a := &r.actual[i]; a.wants == nil {
			text, _ := a.render(nil)
			got.WriteString(text)
		}
	}
	r.diff = unifiedDiff("wanted", "would be sent", wanted.String(), got.String())
}

func renderWant(w *config.Want) string {
	var b strings.Builder
	title(&b, w.Webhook, w.Event)
	if w.Drop {
		b.WriteString("  drop: true\n")
	}
	for _, h := range w.Headers {
		fmt.Fprintf(&b, "  %s: %s\n", h.Name, h.Value.Reveal()) // a test's own text
	}
	if tree := cmp.Or(w.Body, w.Exact); tree != nil {
		body(&b, treeValue(tree))
	}
	return b.String()
}

func title(b *strings.Builder, webhook, event string) {
	fmt.Fprintf(b, "%s", webhook)
	if event != "" {
		fmt.Fprintf(b, " %s", event)
	}
	b.WriteByte('\n')
}

// body writes JSON, indented.
func body(b *strings.Builder, v any) {
	b.WriteString("  ")
	encodeIndented(b, "  ", v)
}

// render writes what a webhook made, as far as a want asks for it; nil asks for all. It says whether it is as wanted.
func (a *actual) render(w *config.Want) (text string, same bool) {
	var b strings.Builder
	same = w != nil
	if w == nil {
		w = &config.Want{Event: a.event}
	}
	title(&b, a.Webhook, w.Event)
	switch a.Choice {
	case engine.Sent:
	case engine.Dropped:
		b.WriteString("  drop: true\n")
		return b.String(), same && w.Drop
	default:
		fmt.Fprintf(&b, "  %s\n", a.Why)
		return b.String(), false
	}
	same = same && !w.Drop
	for _, h := range w.Headers {
		value, there := a.header(h.Name)
		if value == engine.Masked && there && a.Reveal(h.Name) == h.Value.Reveal() {
			value = h.Value.Reveal()
		}
		if !there || value != h.Value.Reveal() {
			same = false
		}
		if there {
			fmt.Fprintf(&b, "  %s: %s\n", h.Name, value)
		}
	}
	got := a.value()
	switch {
	case w.Body != nil:
		want := treeValue(w.Body)
		got = project(want, got)
		same = same && is(want, got)
	case w.Exact != nil:
		same = same && is(treeValue(w.Exact), got)
	case w.Webhook != "":
		return b.String(), same
	}
	body(&b, got)
	return b.String(), same
}

func (a *actual) header(name string) (string, bool) {
	for _, h := range a.Header {
		if strings.EqualFold(h[0], name) {
			return h[1], true
		}
	}
	return "", false
}

// value is the body as JSON, or as a text if it is none.
func (a *actual) value() any {
	if v, ok := decode(a.Body); ok {
		return v
	}
	return string(a.Body)
}

func decode(text []byte) (v any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	ok = dec.Decode(&v) == nil && !dec.More()
	return v, ok
}

func treeValue(t *config.Tree) any {
	v, _ := decode(t.AppendJSON(nil, appendString))
	return v
}

// is says whether two values are the same; numbers by their values.
func is(want, got any) bool { return reflect.DeepEqual(canonical(want), canonical(got)) }

// canonical writes equal numbers alike: 1.0 and 1e0 as 1. A number without fraction and exponent keeps all its digits.
func canonical(v any) any {
	switch v := v.(type) {
	case map[string]any:
		all := map[string]any{}
		for key, value := range v {
			all[key] = canonical(value)
		}
		return all
	case []any:
		all := []any{}
		for _, value := range v {
			all = append(all, canonical(value))
		}
		return all
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(string(v), ".eE") {
			return json.Number(strconv.FormatFloat(f, 'f', -1, 64))
		}
	}
	return v
}

// project reduces got to what want asks for: a difference shows nothing else.
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

// block is what would be sent as the lines of a test's want.
func (r *testResult) block() []string {
	var lines []string
	for i := range r.actual {
		a := &r.actual[i]
		if a.Choice != engine.Sent && a.Choice != engine.Dropped {
			continue // a failure cannot be wanted
		}
		lines = append(lines, "- webhook: "+quoteYAML(a.Webhook))
		w := a.wants
		if w == nil {
			w = &config.Want{}
		}
		if w.Event != "" || w.Webhook == "" {
			lines = append(lines, "  event: "+quoteYAML(a.event))
		}
		if a.Choice == engine.Dropped {
			lines = append(lines, "  drop: true")
			continue
		}
		if len(w.Headers) > 0 {
			lines = append(lines, "  headers:")
			for _, h := range w.Headers {
				value, there := a.header(h.Name)
				if !there || value == engine.Masked { // it may be a credential
					value = h.Value.Reveal()
				}
				lines = append(lines, "    "+quoteYAML(h.Name)+": "+quoteYAML(value))
			}
		}
		key, got := "exact", a.value()
		switch {
		case w.Webhook != "" && w.Body == nil && w.Exact == nil:
			continue // its body is of no interest
		case w.Body != nil:
			key, got = "body", project(treeValue(w.Body), got)
		}
		var text strings.Builder
		encode(&text, got)
		lines = append(lines, "  "+key+": "+strings.TrimSpace(text.String()))
	}
	return lines
}

var plainYAML = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

// quoteYAML writes a text as YAML, without quotes where they are not needed.
func quoteYAML(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
	default:
		if plainYAML.MatchString(s) {
			return s
		}
	}
	return string(appendString(nil, s))
}
