package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/google/go-cmp/cmp"
)

const token = `s3cr3t/T0ken+of=the "test" & <more>`

// ways are the ways in which a text may be encoded.
var ways = map[string]func(string) string{
	"plain": func(s string) string { return s },
	"lower": strings.ToLower,
	"upper": strings.ToUpper,
	"query": url.QueryEscape,
	"path":  url.PathEscape,
	"lower escapes": func(s string) string {
		return regexp.MustCompile("%..").ReplaceAllStringFunc(url.QueryEscape(s), strings.ToLower)
	},
	"HTML":           html.EscapeString,
	"hex":            func(s string) string { return hex.EncodeToString([]byte(s)) },
	"base64":         func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"base64 of URLs": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"disarmed":       func(s string) string { return strings.NewReplacer("<", "<\u200b", "&", "&\u2060").Replace(s) },
	"escaped slash":  func(s string) string { return strings.ReplaceAll(s, "/", `\/`) },
	"JSON":           func(s string) string { b, _ := json.Marshal(s); return string(b[1 : len(b)-1]) },
	"JSON as it is": func(s string) string {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(s)
		return b.String()[1 : b.Len()-2]
	},
}

func TestMaskerKnowsASecretInEachForm(t *testing.T) {
	m := secret.NewMasker([]string{"", token}, nil)
	for name, way := range ways {
		for _, around := range [][2]string{{"", ""}, {"before ", " behind"}, {`{"a":"`, `"}`}} {
			got := strings.TrimRight(m.Text(around[0]+way(token)+around[1]), "=")
			if want := around[0] + secret.Mask + around[1]; got != want && got != around[0]+secret.Mask+"="+around[1] {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
}

// Other languages' JSON has ASCII alone.
func TestMaskerKnowsEscapedLetters(t *testing.T) {
	m := secret.NewMasker([]string{"pässwört😀"}, nil)
	const want = `["<secret>","<secret>","<secret>"]`
	if got := m.Text(`["pässwört😀","p\u00e4ssw\u00f6rt\ud83d\ude00","p\u00E4ssw\u00F6rt\uD83D\uDE00"]`); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// One or two characters are in any text.
func TestMaskerKnowsShortSecretsAsWords(t *testing.T) {
	m := secret.NewMasker([]string{"4", "ab", "pin"}, nil)
	const want = `{"n":<secret>,"m":14,"a":"<secret>","cab":"x-<secret>!","<secret>":"0<secret>0"}`
	if got := m.Text(`{"n":4,"m":14,"a":"ab","cab":"x-ab!","4":"0pin0"}`); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A slice of a secret reveals too much of it, in every form; the text around it stays.
func TestMaskerKnowsSlices(t *testing.T) {
	m := secret.NewMasker([]string{token}, nil)
	for name, way := range ways {
		form := way(token)
		for from := 0; from+12 <= len(form); from++ {
			for to := from + 12; to <= len(form); to++ {
				visible := strings.NewReplacer("\u200b", "", "\u2060", "").Replace(strings.TrimSpace(form[from:to]))
				if len(visible) < 12 || !utf8.ValidString(visible) {
					continue
				}
				if got := m.Text("[" + form[from:to] + "]"); strings.Trim(got, "[] \u200b\u2060") != secret.Mask {
					t.Fatalf("%s[%d:%d] = %q: %q, want it masked", name, from, to, form[from:to], got)
				}
			}
		}
	}
}

// The base64 of a text with a secret contains forms that a search for the secret's own base64 does not find.
func TestMaskerKnowsBase64AtAnyOffset(t *testing.T) {
	m := secret.NewMasker([]string{token}, nil)
	for before := range 7 {
		for behind := range 7 {
			text := strings.Repeat("a", before) + token + strings.Repeat("z", behind)
			got := m.Text(base64.StdEncoding.EncodeToString([]byte(text)))
			head, tail, masked := strings.Cut(got, secret.Mask)
			if !masked || len(head) > (before*8+5)/6 || len(tail) > (behind*8+5)/6+4 {
				t.Errorf("%d before and %d behind: %s", before, behind, got)
			}
		}
	}
}

func TestMaskerLeavesWhatIsNoSecret(t *testing.T) {
	m := secret.NewMasker([]string{"https://hooks.example.com:8443/services/T0/B0/xyz", "hooks-token-of-the-test"}, nil)
	for text, want := range map[string]string{
		"":                                "",
		"hooks.example.com: no such host": "hooks.example.com: no such host",
		"https://hooks.example.com:8443":  "https://hooks.example.com:8443",
		"302 Found, to hooks.example.com": "302 Found, to hooks.example.com",
		"a token of the test":             "a token of the test",
		"the hooks-token":                 "the hooks-token", // 11 bytes of it
		"https://hooks.example.com:8443/services/T0/B0/xyz": secret.Mask,
		"to /services/T0/B0/xyz and back":                   "to " + secret.Mask + " and back",
	} {
		if got := m.Text(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestMaskerKnowsLines(t *testing.T) {
	m := secret.NewMasker([]string{"first line\n\tof many\nlast\n"}, nil)
	for text, want := range map[string]string{
		"a first line b":                  "a <secret> b",
		"a first line  of many last":      "a <secret>",
		"at last":                         "at last", // too short a line
		`"first line\n\tof many\nlast\n"`: `"<secret>"`,
	} {
		if got := m.Text(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestMaskerKnowsKeys(t *testing.T) {
	m := secret.NewMasker(nil, []string{"routing_key", "a.b"})
	for body, want := range map[string]string{
		`{"routing_key":"a\"b","x":"routing_key"}`:  `{"routing_key":"<secret>","x":"routing_key"}`,
		`{"routing_key" : "a","a.b":"c","a-b":"d"}`: `{"routing_key" : "<secret>","a.b":"<secret>","a-b":"d"}`,
		`{"routing_key":""}`:                        `{"routing_key":"<secret>"}`,
		`{"routing_key":7}`:                         `{"routing_key":7}`,
	} {
		if got := string(m.Body([]byte(body))); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	if m.Body(nil) != nil {
		t.Error("no body became one")
	}
}

func TestMaskerKnowsValues(t *testing.T) {
	m := secret.NewMasker([]string{token, "98765432109876"}, nil)
	given := map[string]any{"a": []any{"x " + token, 7.0, nil, true, 98765432109876, 98765432109876.0}, token: map[string]any{"b": token}}
	want := map[string]any{"a": []any{"x <secret>", 7.0, nil, true, "<secret>", "<secret>"}, "<secret>": map[string]any{"b": "<secret>"}}
	if diff := cmp.Diff(want, m.Value(given)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMaskerKnowsAttributesOfLogs(t *testing.T) {
	var b bytes.Buffer
	m := secret.NewMasker([]string{token}, nil)
	log := slog.New(m.Handler(slog.NewJSONHandler(&b, nil))).With("with", token, "n", 7).WithGroup("in")
	log.Info("said", "text", token, "err", errors.New("of "+token), slog.Group("g", "a", token), "list", []string{token})
	if got := b.String(); strings.Contains(got, "s3cr3t") || strings.Count(got, "secret") != 5 || !strings.Contains(got, `"n":7`) {
		t.Errorf("logged %s", got)
	}
}

// Whatever the secrets and the text are, the result contains no secret, and a text without secrets stays unchanged.
func FuzzMasker(f *testing.F) {
	f.Add("secret-of-the-test", "other-secret", "a text with secret-of-the-test in it")
	f.Add("aa", "aaa", "aaaaaaa")
	f.Add("<secret", "x", "\u200b<\u200bsecret \"key\":\"\"\u200b\xff")
	f.Add("a                 b", "                   ", "                          ")
	f.Add("\xff\x00", "<", "<secret>")
	f.Fuzz(func(t *testing.T, one, two, text string) {
		m := secret.NewMasker([]string{one, two}, []string{"key"})
		got := m.Text(text)
		for _, s := range []string{one, two} {
			if len(s) > 2 && strings.Contains(strings.ReplaceAll(got, secret.Mask, "\x00\x00\x00\x00"), s) && !strings.Contains(s, "\x00") {
				t.Errorf("%q is in %q of %q", s, got, text)
			}
		}
	})
}

func BenchmarkMaskReason(b *testing.B) {
	var values []string
	for range 6 {
		random := make([]byte, 32)
		for i := range random {
			random[i] = byte(rand.IntN(256))
		}
		values = append(values, base64.StdEncoding.EncodeToString(random))
	}
	m := secret.NewMasker(values, nil)
	for b.Loop() {
		m.Text("503 Service Unavailable")
	}
}
