package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// derived lists expressions that make something from with.k, which is derivedKey, in all possible ways. Their results are
// secrets.
var derived = []string{
	`with.k[2:8]`, `with.k[0:3]`, `with["k"][4:9]`, `upper(with.k)[1:7]`, `toBase64("xx" + with.k)[3:9]`, `let a = with.k; let b = a[3:9]; b`,
	`join(map(split(with.k, ""), #), "-")`, `join(map(0..5, with.k[#:#+1]), ".")`, `reduce(split(with.k, ""), #acc + "+" + #)`,
	`split(with.k, "-")[1][0:4]`, `(with.k + "")[5:11]`, `{"a": [with.k[2:8]]}`, `[with.k[2:9], "b"]`, `replace(with.k, "-", "")[2:8]`,
	`int(with.n) + 1`, `with.n[1:5]`, `[int(with.n) * 3]`, `toJSON(with)[8:14]`, `values(with)[1][1:6]`,
	`find(["zq7f", "kein"], with.k contains #)`,
	`filter(split(with.k, ""), true)`, `with.k startsWith "z" ? "begins-so" : "else"`, `{(with.k[2:8]): 1}`, `json(with)[9:15]`,
	`trim(with.k[1:6])`,
	`first(split(with.k, "-"))`, `len(with.k) * 111111`, `with.deep.er[0][2:7]`, `fromJSON("\"" + with.k + "\"")[2:8]`,
	`with.k matches "^z" ? 987654 : 1`,
}

const (
	derivedKey    = "zq7f-3a9c!5e1b"
	derivedNumber = "73916482"
)

// leavesOf lists the texts and numbers of a JSON value that have at least three bytes, including the keys of objects.
func leavesOf(v any) (list []string) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			list = append(append(list, leavesOf(inner)...), leavesOf(key)...)
		}
	case []any:
		for _, inner := range v {
			list = append(list, leavesOf(inner)...)
		}
	case string, json.Number:
		if text := fmt.Sprint(v); len(text) >= 3 {
			list = append(list, text)
		}
	}
	return list
}

// Whatever an expression makes from a secret is masked in bodies, traces and answers, whatever it looks like, and the
// text next to it is not. The receiver itself gets the unmasked text and sends it back.
func TestWhatIsMadeOfSecretsDoesNotShow(t *testing.T) {
	var mu sync.Mutex
	var body []byte
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		mu.Lock()
		body = got
		mu.Unlock()
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(got)
	}))
	defer echo.Close()
	t.Setenv("DERIVED_KEY", derivedKey)
	t.Setenv("DERIVED_NUMBER", derivedNumber)
	var steps strings.Builder
	for i, source := range derived {
		quoted, _ := json.Marshal("=" + source)
		fmt.Fprintf(&steps, "          d%d: %s\n", i, quoted)
	}
	const with = `{k: "${DERIVED_KEY}", n: "${DERIVED_NUMBER}", deep: {er: ["${DERIVED_KEY}"]}, plain: "in the file"}`
	chains := map[string]string{
		"a map": "",
		"a map after a map": `      - map: {first: "=body", again: "=upper(body.d0)", plain: "=body.plain", part: "a {{ body.d2[0:3] }}"}
      - map: {second: "=body.first", plain: "=body.plain", again: "=body.again + \"!\"", part: "=body.part"}
`,
		"an expression after a map": `      - map: "{first: body, again: upper(body.d0)}"` + "\n",
		"a format after a map":      `      - {format: cloudevents, with: {source: https://a.example/}}` + "\n",
	}
	for name, more := range chains {
		t.Run(name, func(t *testing.T) {
			config := writeConfig(t, `webhooks:
  - name: one
    url: %q
    transform:
      - map:
%s          plain: "=with.plain"
        with: %s
%s`,
				echo.URL, steps.String(), with, more)
			queue := filepath.Join(t.TempDir(), "queue.db")
			event := `{"event":"workflow_end","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{}}`
			said := map[string]string{}
			for _, args := range [][]string{
				{"run", "-c", config, "--queue", queue, "--log-level", "debug"}, {"preview", "-c", config}, {"preview", "--json", "-c", config},
				{"explain", "-c", config},
				{"explain", "--json", "-c", config},
			} {
				out, talk := runHook(t, exitOK, strings.NewReader(event), args...)
				said[strings.Join(args, " ")] = out + talk
			}
			for id := range deliveryIDs(t, queue, "1") {
				for _, args := range [][]string{{"deliveries", "show", id, "--queue", queue}, {"deliveries", "show", "--json", id, "--queue", queue}} {
					out, talk := runHook(t, exitOK, nil, args...)
					said[strings.Join(args, " ")] = out + talk
					if !strings.Contains(out, "in the file") && name != "an expression after a map" {
						t.Errorf("%s hides what is not a secret: %s", args, out)
					}
				}
			}
			mu.Lock()
			defer mu.Unlock()
			decoder := json.NewDecoder(strings.NewReader(string(body)))
			decoder.UseNumber()
			var sent any
			if err := decoder.Decode(&sent); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			if whole := sent.(map[string]any); whole["data"] != nil {
				sent = whole["data"]
			}
			secrets := leavesOf(sent)
			folders := strings.NewReplacer(filepath.Dir(config), "", filepath.Dir(queue), "")
			for args, text := range said {
				text = byChance.ReplaceAllString(folders.Replace(text), "")
				for _, value := range secrets {
					if isMadeOfSecret(value) && strings.Contains(text, value) {
						t.Errorf("%s says %q: %s", args, value, text)
					}
				}
			}
			if len(secrets) < len(derived)/2 {
				t.Errorf("the receiver got %s", body)
			}
		})
	}
}

// byChance finds times, durations, ports and ids, which may have the digits of a secret's part.
var byChance = regexp.MustCompile(strings.Join([]string{
	`"took":[0-9.e-]+`, `\b[0-9.]+(ns|µs|ms|s)\b`, `\b[0-9a-f]{64}\b`, `\bmsg_[a-z0-9]+`, `127\.0\.0\.1:[0-9]+`,
	`\d{4}-\d\d-\d\dT[0-9:.]+Z`,
}, "|"))

// isMadeOfSecret reports whether a text of a body comes from the secret, and is not a key, a part of the event or a word
// of an expression.
func isMadeOfSecret(text string) bool {
	anyway := `workflow_end 2026-11-24T01:24:00Z in the file specversion application/json datacontenttype https://a.example/ ` +
		`dataschema again first second plain part body payload org.awf-project. run: n ` + strings.Join(derived, " ")
	for i := range derived {
		anyway += fmt.Sprint(" d", i)
	}
	return !strings.Contains(anyway, text)
}

// A secret in a format's texts is masked, whatever the receiver's markup, limits and escapes do to it.
func TestSecretsInMessagesDoNotShow(t *testing.T) {
	parts := []string{"qz7xk", "vw3mp", "jx9tr", "gk4nb"}
	t.Setenv("IN_A_TITLE", strings.Join(parts, "_*<&"))
	event := `{"event":"workflow_error","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z",` +
		`"payload":{"error":"an open word"}}`
	for name, with := range map[string]string{
		"slack": "", "discord": "", "teams": "", "googlechat": "", "mattermost": "", "rocketchat": "",
		"telegram": "chat_id: '1', ", "ntfy": "topic: t, ", "matrix": "room: '!r:example.org', ",
	} {
		t.Run(name, func(t *testing.T) {
			config := writeConfig(t, "webhooks: [{name: one, url: 'https://h.example/', transform: {format: %s, with: {%s"+
				`title: "*${IN_A_TITLE}* of {{ workflow_name }}", text: "${IN_A_TITLE} {{ '${IN_A_TITLE}'[1:5] }}"}}}]`, name, with)
			for _, command := range []string{"preview", "explain"} {
				for _, more := range [][]string{{}, {"--json"}} {
					out, talk := runHook(t, exitOK, strings.NewReader(event), append([]string{command, "-c", config}, more...)...)
					for _, part := range append(parts, "z7xk") {
						if strings.Contains(out+talk, part) {
							t.Errorf("%s says %s: %s", command, part, out+talk)
						}
					}
					if !strings.Contains(out, "an open word") {
						t.Errorf("%s hides what is not a secret: %s", command, out)
					}
				}
			}
		})
	}
}

// Secrets outside the webhooks are masked too, wherever a webhook meets them: in a receiver's answer or in an event.
func TestSecretsBesideTheWebhooksDoNotShow(t *testing.T) {
	const password, signing, token = "hidden-pw-81f3", "whsec_aGlkZGVuLTAtc2lnbmluZw==", "hidden-token-2c9d"
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "seen: "+password+" "+signing+" "+token)
	}))
	defer echo.Close()
	queue := filepath.Join(t.TempDir(), "queue.db")
	config := writeConfig(t, `queue: {url: 'postgres://hook:%s@127.0.0.1:1/queue'}
serve: {secret: %s}
server: {url: '%s', token: %s}
webhooks: [{name: one, url: '%[3]s'}]
`, password, signing, echo.URL, token)
	event := `{"event":"workflow_end","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{}}`
	out, talk := runHook(t, exitOK, strings.NewReader(event), "run", "-c", config, "--queue", queue, "--log-level", "debug")
	said := out + talk
	for id := range deliveryIDs(t, queue, "1") {
		out, talk := runHook(t, exitOK, nil, "deliveries", "show", id, "--queue", queue)
		said += out + talk
		if !strings.Contains(out, "seen: ") {
			t.Errorf("show says %s, want the answer", out)
		}
	}
	for _, secret := range []string{password, signing, strings.TrimPrefix(signing, "whsec_"), token} {
		if strings.Contains(said, secret) {
			t.Errorf("it says %s: %s", secret, said)
		}
	}
}
