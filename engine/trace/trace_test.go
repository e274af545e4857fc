package trace_test

import (
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/trace"
)

const (
	id     = "4bf92f3577b34da6a3ce929d0e0e4736"
	span   = "00f067aa0ba902b7"
	parent = "00-" + id + "-" + span + "-01"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ parent, state, want, wantState string }{
		{parent, "", parent, ""},
		{parent, "a=1,b=2", parent, "a=1,b=2"},
		{"  " + parent + "\t", " a=1 , , b@c=2 ,", parent, "a=1 , , b@c=2"},
		{"00-" + id + "-" + span + "-00", "", "00-" + id + "-" + span + "-00", ""},
		{"01-" + id + "-" + span + "-01", "", parent, ""}, // the known part of a later version is read
		{"cc-" + id + "-" + span + "-01-what-comes", "", parent, ""},
		{"cc-" + id + "-" + span + "-01what", "a=1", "", ""},
		{"ff-" + id + "-" + span + "-01", "", "", ""},
		{parent + "-x", "", "", ""},
		{strings.ToUpper(parent), "", "", ""},
		{"00-" + strings.Repeat("0", 32) + "-" + span + "-01", "", "", ""},
		{"00-" + id + "-" + strings.Repeat("0", 16) + "-01", "", "", ""},
		{parent[:54], "", "", ""},
		{strings.ReplaceAll(parent, "-", "_"), "", "", ""},
		{parent[:20] + "\x00" + parent[21:], "", "", ""},
		{"", "a=1", "", ""},
		{parent, "a\r\nX-Other: 1", parent, ""},
		{parent, "a=\x00", parent, ""},
		{parent, "é=1", parent, ""},
		{parent, "nothing", parent, ""},
		{parent, "=1", parent, ""},
		{parent, "a=1," + strings.Repeat("b", 510) + "=2", parent, "a=1"},
		{parent, strings.Repeat("b", 600) + "=2", parent, ""},
	} {
		got := trace.Parse(c.parent, c.state)
		if got.Parent() != c.want || got.State != c.wantState {
			t.Errorf("Parse(%q, %.40q) = %q, %q, want %q, %q", c.parent, c.state, got.Parent(), got.State, c.want, c.wantState)
		}
		if again := trace.FromText(got.Text()); again != got {
			t.Errorf("FromText(%q) = %+v, want %+v", got.Text(), again, got)
		}
	}
}

func TestNextStaysInTheTrace(t *testing.T) {
	first := trace.New()
	next := first.Next()
	if first.IsZero() || !first.IsSampled() || next.ID != first.ID || next.Span == first.Span || trace.New().ID == first.ID {
		t.Errorf("New = %+v, Next = %+v, want a new span of the same trace", first, next)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(parent, "a=1,b=2")
	f.Add("cc-"+id+"-"+span+"-01-what", strings.Repeat("k=v,", 200))
	f.Fuzz(func(t *testing.T, parent, state string) {
		c := trace.Parse(parent, state)
		if again := trace.FromText(c.Text()); again != c || len(c.State) > 512 || strings.ContainsAny(c.State, "\r\n\x00") {
			t.Errorf("Parse(%q, %q) = %+v, and from its text %+v", parent, state, c, again)
		}
	})
}
