package secret_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/secret"
)

func TestVeilKeepsTheShapeOfATextAndNoLetter(t *testing.T) {
	for _, text := range []string{"", "sk_live-0123456789abcdefXYZ", "deadbeef00", "пароль", "日本語", "a\xffb", "=\"x\" + {{ payload }}"} {
		veiled := secret.Veil(text)
		if len(veiled) != len(text) || utf8.ValidString(veiled) != utf8.ValidString(text) {
			t.Errorf("Veil(%q) = %q, want a text of the same length", text, veiled)
		}
		for i := range len(text) {
			c := text[i] | 0x20
			if (c >= 'a' && c <= 'z' || text[i] >= '0' && text[i] <= '9') && (veiled[i] == text[i] || veiled[i] == '0') {
				t.Errorf("Veil(%q) = %q, want another %q", text, veiled, text[i])
			}
		}
	}
}

func TestVeilPartsKeepsJSON(t *testing.T) {
	const body = `{"a":"x\né\"y","n":-10.5,"open":"x\n"}`
	parts := [][2]int{{6, 16}, {22, 27}}
	veiled := secret.VeilParts([]byte(body), parts, true)
	if !json.Valid(veiled) || !strings.HasSuffix(string(veiled), `,"open":"x\n"}`) {
		t.Fatalf("VeilParts = %s", veiled)
	}
	differ := secret.Differences([]byte(body), veiled)
	if masked := string(secret.MaskParts([]byte(body), differ)); strings.ContainsAny(masked, "x5") && strings.Contains(masked, `"a":"x`) {
		t.Errorf("masked: %s", masked)
	}
}

func TestDifferences(t *testing.T) {
	for _, tt := range []struct{ body, other, want string }{
		{`{"a":"x","b":"y"}`, `{"a":"x","b":"y"}`, `{"a":"x","b":"y"}`},
		{`{"a":"abc-def","b":"y"}`, `{"a":"bcd-efa","b":"y"}`, `{"a":"<secret>","b":"y"}`},
		{`{"a":"abc","b":"xyz"}`, `{"a":"bcd","b":"yza"}`, `{"a":"<secret>","b":"<secret>"}`},
		{`{"n":12,"b":"y"}`, `{"n":23,"b":"y"}`, `{"n":"<secret>","b":"y"}`},
		{`{"a":"abc"}`, `{"a":"bcde"}`, `{"a":"<secret>"}`},
		{`{"a":"aa"}`, `{"a":"a"}`, `{"a":"a<secret>"}`},
		{`abc`, ``, `<secret>`},
	} {
		parts := secret.Differences([]byte(tt.body), []byte(tt.other))
		if got := string(secret.MaskParts([]byte(tt.body), parts)); got != tt.want {
			t.Errorf("%s and %s: %s, want %s", tt.body, tt.other, got, tt.want)
		}
	}
}

func TestPartsOfSingleCharactersAreOneText(t *testing.T) {
	const body = `{"a":["s","e","c","r","e","t"],"b":"longer"}`
	var parts [][2]int
	for i := range 6 {
		parts = append(parts, [2]int{7 + 4*i, 8 + 4*i})
	}
	parts = append(parts, [2]int{36, 42})
	got := secret.Texts([]byte(body), parts)
	if len(got) != 2 || got[0] != `s","e","c","r","e","t` || got[1] != "longer" {
		t.Errorf("Parts = %q", got)
	}
}
