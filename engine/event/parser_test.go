package event

import "testing"

// The parser uses a text of the last line again only if the next line spells it the same way.
func TestKeptTextsAreTheLines(t *testing.T) {
	p := new(parser)
	for _, tt := range []struct{ raw, want string }{
		{`"deploy"`, "deploy"}, {`"deploy"`, "deploy"}, {`""`, ""}, {`"a\\nb"`, `a\nb`}, {`"a\nb"`, "a\nb"}, {`"a\\nb"`, `a\nb`},
		{`"a\u00e9"`, "aé"}, {`"aé"`, "aé"}, {`"a\u00e9"`, "aé"}, {"\"\xff\"", "\uFFFD"}, {`"` + "\uFFFD" + `"`, "\uFFFD"},
	} {
		if got := p.text(keyType, []byte(tt.raw)); got != tt.want {
			t.Errorf("text of %s = %q, want %q", tt.raw, got, tt.want)
		}
	}
}
