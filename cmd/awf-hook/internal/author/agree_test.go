package author

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// The modules in C, Rust and AssemblyScript read generated events as encoding/json does: with white space, escapes,
// surrogate pairs and quotes in all possible places, and with other members around those that they look for.
func TestLanguagesAgreeOnGeneratedEvents(t *testing.T) {
	modules := map[string]*wasm.Module{}
	for _, name := range []string{"c", "rust", "assemblyscript"} {
		m, done, err := Load(t.Context(), filepath.Join(examplesDir, "slack-"+name, Module), "", wasm.Options{Isolation: wasm.IsolateInstance})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(done)
		modules[name] = m
	}
	const rounds = 2000
	g := &generator{rand.New(rand.NewPCG(1, 2))}
	for range rounds {
		in := g.event()
		var e struct {
			Event, Timestamp string
			ID               string `json:"workflow_id"`
			Name             string `json:"workflow_name"`
			Payload          struct {
				Status, Error string
				Inputs        json.RawMessage
			}
		}
		if err := json.Unmarshal([]byte(in), &e); err != nil {
			t.Fatalf("%v: %s", err, in)
		}
		want := []string{"🔴 " + e.Name + ": failure", e.Payload.Error, "Run", ": " + e.ID + "\n", "Inputs", ": " + string(e.Payload.Inputs)}
		if e.Payload.Error == "" {
			want = append(want[:1], want[2:]...)
		}
		for name, m := range modules {
			out, err := m.Transform(t.Context(), wasm.Event{Body: []byte(in)})
			if err != nil {
				t.Fatalf("%s: %v for %s", name, err, in)
			}
			var message any
			if err := json.Unmarshal(out.Body, &message); err != nil {
				t.Fatalf("%s: %v in %s for %s", name, err, out.Body, in)
			}
			if got := texts(message); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s makes\n%q, want\n%q, of\n%s", name, got, want, in)
			}
		}
	}
}

// texts returns the texts of a message: its header, then its elements.
func texts(message any) []string {
	m := message.(map[string]any)
	var found []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if s, ok := v["text"].(string); ok {
				found = append(found, s)
			} else if v["text"] != nil {
				walk(v["text"])
			}
			walk(v["blocks"])
			walk(v["elements"])
		}
	}
	walk(m["blocks"])
	walk(m["attachments"])
	return found
}

type generator struct{ *rand.Rand }

func (g *generator) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g *generator) space() string { return g.pick("", "", "", " ", "\t", "\r\n", "  ") }

func (g *generator) text() string {
	var b strings.Builder
	b.WriteByte('"')
	for range g.IntN(12) {
		b.WriteString(g.pick("a", "Z", " ", "é", "日", "🚀",
			`\"`, `\\`, `\/`, `\n`, `\t`, `\r`, `\b`, `\f`, `\u0000`, `\u00e9`, `\u65E5`, `\ud83d\ude80`, `\u003c`,
			"<", "&", ">", "{", "}", "[", "]", ":", ",", "payload", `\u2028`, "\x7f", "'"))
	}
	return b.String() + `"`
}

func (g *generator) value(depth int) string {
	n := g.IntN(8)
	if depth == 0 {
		n = g.IntN(6)
	}
	switch n {
	case 0, 1:
		return g.text()
	case 2:
		return g.pick("0", "-1", "12345678901234567890", "1.5e-300", "1E+9", "0.10")
	case 3:
		return g.pick("true", "false", "null")
	case 4:
		return "[]"
	case 5:
		return "{}"
	case 6:
		return "[" + g.space() + g.value(depth-1) + g.space() + "," + g.value(depth-1) + g.space() + "]"
	}
	return "{" + g.space() + g.text() + g.space() + ":" + g.space() + g.value(depth-1) + g.space() + "," +
		g.text() + ":" + g.value(depth-1) + "}"
}

// object writes members in a random order, with others among them.
func (g *generator) object(members []string) string {
	for range g.IntN(3) {
		members = append(members, `"other `+strings.TrimPrefix(g.text(), `"`)+g.space()+":"+g.space()+g.value(2))
	}
	g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	var b strings.Builder
	for i, m := range members {
		if i > 0 {
			b.WriteString(g.space() + "," + g.space())
		}
		b.WriteString(m)
	}
	return "{" + g.space() + b.String() + g.space() + "}"
}

func (g *generator) event() string {
	member := func(name, value string) string { return `"` + name + `"` + g.space() + ":" + g.space() + value }
	payload := []string{member("status", `"failure"`), member("inputs", g.value(3))}
	if g.IntN(4) > 0 {
		payload = append(payload, member("error", g.text()))
	}
	return g.space() + g.object([]string{
		member("event", `"workflow_error"`), member("workflow_id", g.text()), member("workflow_name", g.text()),
		member("timestamp", `"2026-11-24T01:24:00Z"`), member("payload", g.object(payload)),
	}) + g.space()
}
