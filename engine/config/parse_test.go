package config_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/signature"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const goodDir = "../../testdata/config/ok"

func environment(name string) (string, bool) {
	value, set := map[string]string{
		"HOOK_URL":       "https://hooks.example.com/services/T/B?key=1",
		"WEBHOOK_SECRET": "whsec_c2VjcmV0",
		"VALUE":          "value",
		"EMPTY":          "",
	}[name]
	return value, set
}

// webhook holds the parts of a config.Webhook that are compared.
type webhook struct {
	Name, URL   string
	Events      []string
	Filter      string
	Secret      string
	Signing     []signature.Scheme
	Custom      []signature.Custom
	Headers     []string
	Timeout     time.Duration
	Retry       config.Retry
	MaxInFlight int
}

func reveal(w config.Webhook) webhook {
	shown := webhook{
		Name: w.Name, URL: w.URL.Reveal().String(), Filter: w.Filter.Value, Secret: secretOf(w), Signing: w.Signing, Custom: w.Custom,
		Timeout: w.Timeout, Retry: w.Retry, MaxInFlight: w.MaxInFlight,
	}
	for _, glob := range w.Events {
		shown.Events = append(shown.Events, glob.Value)
	}
	for _, h := range w.Headers {
		shown.Headers = append(shown.Headers, h.Name+": "+h.Value.Reveal())
	}
	return shown
}

func secretOf(w config.Webhook) string {
	var values []string
	for _, s := range w.Secrets {
		values = append(values, s.Reveal())
	}
	return strings.Join(values, " ")
}

// unnamed returns the name that a webhook without one gets.
func unnamed(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%s-%.8x", u.Hostname(), sha256.Sum256([]byte(address)))[:len(u.Hostname())+9]
}

// with returns a webhook with the defaults and a change.
func with(change func(*webhook)) webhook {
	w := webhook{
		URL:         "https://example.com/",
		Events:      []string{"workflow_*", "step_complete"},
		Timeout:     15 * time.Second,
		Retry:       config.Retry{Backoff: config.Exponential, MaxDelay: 24 * time.Hour, Jitter: 0.2, MaxAttempts: 10},
		MaxInFlight: 4,
	}
	change(&w)
	if w.Name == "" {
		w.Name = unnamed(w.URL)
	}
	return w
}

var both = []signature.Scheme{signature.AWF, signature.Standard}

// good has the webhooks of each file in testdata/config/ok.
var good = map[string][]webhook{
	"aliases.yaml": {
		with(func(w *webhook) {
			w.Name, w.URL, w.Events = "first", "https://example.com/hook", []string{"workflow_end", "workflow_error"}
			w.Filter, w.Headers = `workflow_name startsWith "deploy-"`, []string{"X-Team: platform"}
			w.Timeout, w.Retry.Delay = 2*time.Second, time.Hour
		}),
		with(func(w *webhook) {
			w.Name, w.URL, w.Events = "second", "https://example.com/hook", []string{"workflow_end", "workflow_error"}
			w.Filter, w.Headers = `workflow_name startsWith "deploy-"`, []string{"X-Team: platform"}
			w.Timeout, w.Retry.Delay = 2*time.Second, time.Hour
		}),
		with(func(w *webhook) {
			w.Name, w.URL, w.Events = "third", "https://example.com/hook", []string{"workflow_error"}
		}),
	},
	"bounds.yaml": {
		with(func(w *webhook) {
			w.Name, w.Timeout, w.MaxInFlight = "low", 10*time.Millisecond, 1
			w.Retry = config.Retry{Backoff: config.Exponential, MaxDelay: 24 * time.Hour, Jitter: 0.2, MaxAttempts: 1, Delay: 10 * time.Millisecond}
		}),
		with(func(w *webhook) {
			w.Name, w.Timeout, w.MaxInFlight = "high", 5*time.Minute, 64
			w.Retry = config.Retry{Backoff: config.Exponential, MaxDelay: 24 * time.Hour, Jitter: 0.2, MaxAttempts: 50, Delay: 24 * time.Hour}
		}),
	},
	"byte_order_mark.yaml": {with(func(*webhook) {})},
	"crlf.yaml": {
		with(func(w *webhook) { w.Filter = "event == \"a\"\nor event == \"b\"\n" }),
	},
	"defaults.yaml": {
		with(func(w *webhook) { w.URL = "http://127.0.0.1:8080/hook" }),
	},
	"names.yaml": {
		with(func(w *webhook) { w.URL = "https://hooks.slack.com/services/a" }),
		with(func(w *webhook) { w.Name, w.URL = "second", "https://hooks.slack.com:8443/services/b" }),
		with(func(w *webhook) { w.Name, w.URL = "hooks.slack.com-8af45cb8-2", "https://hooks.slack.com/services/a" }),
		with(func(w *webhook) { w.URL = "http://[::1]:9000/" }),
		with(func(w *webhook) { w.URL = "https://user:password@example.com" }),
	},
	"no_webhooks.yaml": nil,
	"scalars.yaml": {
		with(func(w *webhook) {
			w.Name, w.Secret, w.Signing, w.Filter, w.MaxInFlight = "007", "yes", both, "true", 8
			w.Headers = []string{"X-Number: 1e3", "X-Null: null", "X-Tab: a\tb", "x-lower: "}
		}),
		with(func(w *webhook) {
			w.Name, w.URL = "blocks", "https://example.com/folded"
			w.Filter = "event == \"workflow_end\"\n  and payload.duration > 60\n"
		}),
	},
	"custom.yaml": {
		with(func(w *webhook) {
			w.Name, w.Secret, w.Signing = "all", "0123456789abcdef", []signature.Scheme{signature.AWF, signature.GitHub}
			w.Custom = []signature.Custom{
				{Header: "Stripe-Signature", Template: "{timestamp}.{body}", Prefix: "t={timestamp},v1=", Separator: ","},
				{Header: "X-Signature", Hash: "sha512", Encoding: "base64", IDHeader: "X-Id", TimestampHeader: "X-Time",
					Template: "{id}{timestamp}{body}"},
			}
		}),
	},
	"serve.yaml": nil,
	"signing.yaml": {
		with(func(w *webhook) { w.Name, w.Secret, w.Signing = "both", "x", both }),
		with(func(w *webhook) { w.Name, w.Secret, w.Signing = "one", "x", []signature.Scheme{signature.Standard} }),
		with(func(w *webhook) { w.Name = "none" }),
		with(func(w *webhook) { w.Name = "said" }),
	},
	"variables.yaml": {
		with(func(w *webhook) {
			w.Name, w.URL = "plain", "https://hooks.example.com/services/T/B?key=1"
			w.Events = []string{"workflow_end", "workflow_error"}
			w.Filter = `workflow_name matches "^deploy-${env}$$"`
			w.Secret, w.Signing = "$a${b}$c", both
			w.Headers = []string{"Authorization: Bearer value", "X-Empty: ", "X-Default: a:-b", "X-No-Default: "}
			w.Timeout, w.MaxInFlight = 3*time.Second, 1
			w.Retry = config.Retry{Backoff: config.Exponential, MaxDelay: 24 * time.Hour, Jitter: 0.2, MaxAttempts: 7, Delay: 10 * time.Millisecond}
		}),
	},
	"wasm.yaml": {with(func(w *webhook) { w.URL = "https://example.com/hook" })},
}

func TestGoodFilesSay(t *testing.T) {
	files, err := filepath.Glob(goodDir + "/*.yaml")
	if err != nil || len(files) != len(good) {
		t.Errorf("%d files in %s, want %d: %v", len(files), goodDir, len(good), err)
	}
	for name, want := range good {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(goodDir, name)
			cfg, err := config.Load(file, environment)
			if err != nil {
				t.Fatal(err)
			}
			var got []webhook
			for _, w := range cfg.Webhooks {
				got = append(got, reveal(w))
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("Load(%q) (-want +got):\n%s", file, diff)
			}
			if diff := cmp.Diff([]string{file}, cfg.Files); diff != "" {
				t.Errorf("Load(%q).Files (-want +got):\n%s", file, diff)
			}
		})
	}
}

func TestModulesSay(t *testing.T) {
	cfg, err := config.Load(goodDir+"/wasm.yaml", environment)
	if err != nil {
		t.Fatal(err)
	}
	steps := cfg.Webhooks[0].Transform
	m := steps[0].Wasm
	want := config.Limits{Fuel: 10_000_000, Memory: 1 << 20, Stack: 64 << 10, Input: 64 << 10, Output: 64 << 10, LogLines: 4, Module: 1 << 20}
	if m.Limits != want || !m.Reuse || !strings.HasPrefix(m.SHA256, "963a963e") {
		t.Errorf("the first module is %+v, want the limits %+v, reuse and a pinned digest", m, want)
	}
	if wasm, err := m.Read(anySize); err != nil || !strings.HasPrefix(string(wasm), "\x00asm") {
		t.Errorf("its file begins with %.8q, %v; want a module", wasm, err)
	}
	if m := steps[1].Wasm; m.Limits != (config.Limits{}) || m.Reuse || m.SHA256 != "" {
		t.Errorf("the second module is %+v, want the defaults", m)
	}
}

func TestIdentityIsTheAbsoluteFileAndTheName(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	const text = "webhooks:\n  - {name: oncall, url: 'https://a.example'}\n  - {url: 'https://b.example'}\n"
	for _, file := range []string{"awf-hook.yaml", "./sub/../awf-hook.yaml", filepath.Join(dir, "awf-hook.yaml")} {
		cfg, err := config.Parse(file, []byte(text), environment)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{cfg.Webhooks[0].Identity, cfg.Webhooks[1].Identity}
		want := []string{filepath.Join(dir, "awf-hook.yaml") + "#oncall",
			filepath.Join(dir, "awf-hook.yaml") + "#" + unnamed("https://b.example")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Parse(%q), the identities (-want +got):\n%s", file, diff)
		}
	}
}

func TestWhatCouldBeReadIsReturnedBesideTheMistakes(t *testing.T) {
	const text = "webhooks:\n  - {name: bad, url: 5}\n  - {name: good, url: 'https://example.com/'}\n"
	cfg, err := config.Parse("awf-hook.yaml", []byte(text), environment)
	if mistakes := (config.Errors)(nil); !errors.As(err, &mistakes) || len(mistakes) != 1 {
		t.Errorf("Parse = %v, want one mistake", err)
	}
	if len(cfg.Webhooks) != 2 || cfg.Webhooks[1].Name != "good" || cfg.Webhooks[1].URL.Host() != "example.com" {
		t.Errorf("webhooks = %v, want both", cfg.Webhooks)
	}
}

func TestHugeFileIsRefused(t *testing.T) {
	const limit = 4 << 20
	text := "webhooks: []\n" + strings.Repeat("#\n", limit)
	if _, err := config.Parse("awf-hook.yaml", []byte(text[:limit]), environment); err != nil {
		t.Errorf("Parse of %d bytes = %v, want no error", limit, err)
	}
	const want = "awf-hook.yaml:1:1: the file is over 4 MiB"
	if _, err := config.Parse("awf-hook.yaml", []byte(text[:limit+1]), environment); err == nil || err.Error() != want {
		t.Errorf("Parse of %d bytes = %v, want %s", limit+1, err, want)
	}
	file := filepath.Join(t.TempDir(), "awf-hook.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(file, environment); err == nil || !strings.HasSuffix(err.Error(), "the file is over 4 MiB") {
		t.Errorf("Load of %d bytes = %v, want an error that says over 4 MiB", len(text), err)
	}
}

func TestTooManyWebhooksAreRefused(t *testing.T) {
	const limit = 10_000
	entry := "- url: https://example.com/\n"
	cfg, err := config.Parse("awf-hook.yaml", []byte("webhooks:\n"+strings.Repeat(entry, limit)), environment)
	if err != nil || len(cfg.Webhooks) != limit {
		t.Errorf("Parse of %d webhooks = %d, %v, want all", limit, len(cfg.Webhooks), err)
	}
	const want = "awf-hook.yaml:2:1: webhooks: want at most 10000 entries, got 10001"
	_, err = config.Parse("awf-hook.yaml", []byte("webhooks:\n"+strings.Repeat(entry, limit+1)), environment)
	if err == nil || err.Error() != want {
		t.Errorf("Parse of %d webhooks = %v, want %s", limit+1, err, want)
	}
}

func TestVeryDeepNestingIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"- ":    "awf-hook.yaml:2:1: nested deeper than 1000",
		"? ":    "awf-hook.yaml:2:1: nested deeper than 1000",
		"[\n":   "awf-hook.yaml:1002:1: nested deeper than 1000",
		"{a:\n": "awf-hook.yaml:1002:1: nested deeper than 1000",
	} {
		_, err := config.Parse("awf-hook.yaml", []byte("webhooks:\n"+strings.Repeat(text, 100_000)), environment)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse of %q 100,000 times = %v, want an error that says %s", text, err, want)
		}
	}
}

// The parser looks for each node's place in the file. The time for this must not grow with the square of a line's length.
func TestLongLineIsReadInTime(t *testing.T) {
	parse := func(entries int) time.Duration {
		const entry = "{url: 'https://example.com/', events: [a, b, c, d, e, f, g, h]}, "
		text := []byte("webhooks: [" + strings.Repeat(entry, entries) + "]")
		used := processorTime()
		cfg, err := config.Parse("awf-hook.yaml", text, environment)
		if err != nil || len(cfg.Webhooks) != entries {
			t.Errorf("Parse = %v, want %d webhooks", err, entries)
		}
		return processorTime() - used
	}
	short, long := parse(2_250), parse(9_000)
	if long > 9*short { // 4 times as long; 16 times would be the square
		t.Errorf("a line of 9,000 webhooks took %v, one of 2,250 %v", long, short)
	}
}

func TestLoadErrorNamesTheFileOnce(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.yaml")
	for file, want := range map[string]string{
		missing: missing + ": no such file or directory",
		dir:     dir + ": is a directory",
	} {
		_, err := config.Load(file, environment)
		if err == nil || err.Error() != want {
			t.Errorf("Load(%q) = %v, want %s", file, err, want)
		}
	}
	if _, err := config.Load(missing, environment); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load(%q) = %v, want os.ErrNotExist", missing, err)
	}
}

// A variable that is set to an empty text is set. A default takes its place.
func TestVariables(t *testing.T) {
	env := func(name string) (string, bool) {
		value, set := map[string]string{"A": "x", "NONE": "", "REF": "${A}", "_b1": "y"}[name]
		return value, set
	}
	for _, tt := range []struct{ value, want string }{
		{"${A}", "x"},
		{"${A}${A}-${_b1}", "xx-y"},
		{"${A:-z}", "x"},
		{"${NONE}", ""},
		{"${NONE:-z}", "z"},
		{"${UNSET:-z}", "z"},
		{"${UNSET:-}", ""},
		{"${UNSET:-a b:c}", "a b:c"},
		{"${UNSET:-$A}", "$A"},
		{"${REF}", "${A}"}, // values are not expanded again
		{"$A", "$A"},
		{"$", "$"},
		{"$$", "$"},
		{"$$$$", "$$"},
		{"$${A}", "${A}"},
		{"$$${A}", "$x"},
		{"a}b", "a}b"},
		{"{A}", "{A}"},
	} {
		text := "webhooks:\n  - url: https://example.com/\n    headers: {X: '" + tt.value + "'}\n"
		cfg, err := config.Parse("awf-hook.yaml", []byte(text), env)
		if err != nil {
			t.Errorf("Parse(%q) = %v, want no error", tt.value, err)
			continue
		}
		if got := cfg.Webhooks[0].Headers[0].Value.Reveal(); got != tt.want {
			t.Errorf("the value of %q = %q, want %q", tt.value, got, tt.want)
		}
	}
}

// A few lines with aliases make many trees.
func TestTreesAreBoundedTogether(t *testing.T) {
	text := "webhooks:\n  - {url: 'https://a.example/', transform: &t {map: [" + strings.Repeat("1,", 9_000) + "1]}}\n" +
		strings.Repeat("  - {url: 'https://a.example/', transform: *t}\n", 20)
	const want = "want at most 50000 values in all trees of the file"
	if _, err := config.Parse("awf-hook.yaml", []byte(text), environment); err == nil || strings.Count(err.Error(), want) != 1 {
		t.Errorf("Parse = %.300v, want one mistake: %s", err, want)
	}
}

func TestWarningsAreBounded(t *testing.T) {
	text := "webhooks:\n" + strings.Repeat("  - {url: 'https://a.example/', secret: $NOT_EXPANDED_AND_LONG_ENOUGH}\n", 3_000)
	cfg, _ := config.Parse("awf-hook.yaml", []byte(text), environment)
	if n := len(cfg.Warnings); n != 1001 || !strings.Contains(cfg.Warnings[n-1].Error(), "more than 1000 warnings") {
		t.Errorf("%d warnings, the last %v; want 1001, the last of which says that there are more", n, cfg.Warnings[n-1])
	}
}
