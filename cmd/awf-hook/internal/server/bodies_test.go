package server_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
)

// A key that comes again with another body is a mistake of the client: as a known request its events would be lost. Nothing of it is
// stored.
func TestIntakeRefusesAnotherBodyUnderOneKey(t *testing.T) {
	n := start(t, server.Access{Tokens: []server.Token{
		{Name: "ci", SHA256: sha256.Sum256([]byte("ci")), Sends: true}, {Name: "other", SHA256: sha256.Sum256([]byte("other")), Sends: true},
	}})
	first, other := envelope("", "deploy"), strings.Replace(envelope("", "deploy"), "1.50", "1.5", 1)
	bare := strings.Replace(first, `,"payload":{"n":1.50}`, "", 1)
	stored := 0
	for _, tt := range []struct {
		name, token, key, body string
		status                 int
		fates                  string
	}{
		{"the first", "ci", "a", first, 202, "accepted"},
		{"the same", "ci", "a", first, 202, "known"},
		{"another payload", "ci", "a", other, 422, ""},
		{"another time", "ci", "a", strings.Replace(first, "12:00:00Z", "12:00:01Z", 1), 422, ""},
		{"another client", "other", "a", other, 202, "accepted"},
		{"one more event", "ci", "a", first + "\n" + other, 202, "known accepted"},
		{"another second event and a third", "ci", "a", first + "\n" + first + "\n" + first, 422, ""},
		{"a bad one among them", "ci", "a", "x\n" + first, 400, ""},
		{"no payload", "ci", "b", bare, 202, "accepted"},
		{"still none", "ci", "b", bare, 202, "known"},
		{"one with its own id", "ci", "b", envelope("own", "deploy"), 202, "accepted"},
		{"the first after all of them", "ci", "a", first, 202, "known"},
	} {
		resp, got := n.post(t, "/v1/events", tt.body, asLines, "Idempotency-Key: "+tt.key, "Authorization: Bearer "+tt.token)
		if resp.StatusCode != tt.status || fates(got) != tt.fates {
			t.Errorf("%s: %d %v, want %d %s", tt.name, resp.StatusCode, got, tt.status, tt.fates)
		}
		stored += strings.Count(tt.fates, "accepted")
	}
	if got := len(n.bodies(t, stored)); got != stored {
		t.Errorf("%d events arrived, %d were accepted", got, stored)
	}
	var sending sync.WaitGroup
	var took atomic.Int64
	for i := range 8 { // at once, each another event
		sending.Go(func() {
			body := strings.Replace(first, "1.50", fmt.Sprint(i), 1)
			resp, got := n.post(t, "/v1/events", body, asLines, "Idempotency-Key: c", "Authorization: Bearer ci")
			if took.Add(int64(map[int]int{202: 1}[resp.StatusCode])); resp.StatusCode != 202 && resp.StatusCode != 422 {
				t.Errorf("%d %v", resp.StatusCode, got)
			}
		})
	}
	if sending.Wait(); took.Load() != 1 {
		t.Errorf("%d of 8 requests with one key were taken, want 1", took.Load())
	}
}

// A client that is wrong about the path or the method is told, not asked for another token.
func TestAstrayRequests(t *testing.T) {
	n := startWith(t, server.Access{}, func(o *server.Options) {
		o.Metrics, o.Page, o.API = http.NotFoundHandler(), http.NotFoundHandler(), http.NotFoundHandler()
	})
	for _, path := range []string{"/events", "/v1/", "/v1/events/"} {
		if resp, got := n.post(t, path, envelope("", "w"), asJSON); resp.StatusCode != 404 || !strings.Contains(fmt.Sprint(got), "/v1/events") {
			t.Errorf("POST %s: %d %v, want 404 that names the path", path, resp.StatusCode, got)
		}
	}
	for _, path := range []string{"/healthz", "/livez", "/readyz", "/metrics"} {
		if resp, got := n.post(t, path, "{}", asJSON); resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %d %v, want 405", path, resp.StatusCode, got)
		}
	}
}

func TestIntakeUnpacks(t *testing.T) {
	pack := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(text))
		_ = w.Close()
		return b.String()
	}
	n := start(t, server.Access{})
	packed := "Content-Encoding: gzip"
	if resp, got := n.post(t, "/v1/events", pack(envelope("a", "deploy")), asJSON, packed); resp.StatusCode != 202 {
		t.Errorf("%d %v", resp.StatusCode, got)
	}
	bomb := pack(strings.Repeat(" ", 1<<26))
	began := time.Now()
	if resp, got := n.post(t, "/v1/events", bomb, asLines, packed); resp.StatusCode != 413 {
		t.Errorf("a bomb of %d bytes: %d %v, want 413", len(bomb), resp.StatusCode, got)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the bomb took %v", took)
	}
	whole := pack(envelope("b", "deploy"))
	for name, tt := range map[string]struct{ body, says string }{
		"a cut one":        {whole[:40], "gzip: unexpected EOF"},
		"nothing":          {"", "gzip: no event in the body"},
		"a packed nothing": {pack(""), "no event in the body"},
		"no gzip":          {envelope("b", "deploy"), "gzip: invalid header"},
		"text behind it":   {whole + "0123456789", "gzip: invalid header"},
		"a wrong sum":      {whole[:len(whole)-8] + "01234567", "gzip: invalid checksum"},
	} {
		if resp, got := n.post(t, "/v1/events", tt.body, asJSON, packed); resp.StatusCode != 400 || got["error"] != tt.says {
			t.Errorf("%s: %d %v, want 400 %s", name, resp.StatusCode, got, tt.says)
		}
	}
	two := pack(envelope("c", "deploy")+"\n") + pack(envelope("d", "deploy"))
	if resp, got := n.post(t, "/v1/events", two, asLines, packed); resp.StatusCode != 202 || got["accepted"] != 2.0 {
		t.Errorf("two members: %d %v", resp.StatusCode, got)
	}
}

// No byte of a CloudEvent's data is lost, whatever it is.
func TestDataOfCloudEventsIsKept(t *testing.T) {
	n := start(t, server.Access{})
	structured := func(data string) string { return `{"specversion":"1.0","source":"/x","type":"t",` + data + `,"id":"` }
	for i, tt := range []struct {
		body string
		typ  string // of the data in a binary CloudEvent; "" is a structured one
		want string
	}{
		{`{"a":1}`, "application/json", "map[a:1]"},
		{"7", "application/json", "map[value:7]"},
		{"héllo", "text/plain", "map[value:héllo]"},
		{"\xff\x00\x01", "application/octet-stream", "map[base64:/wAB]"},
		{"h\xe9llo", "text/plain; charset=iso-8859-1", "map[base64:aOlsbG8=]"},
		{"h\xc3\xa9llo", "text/plain; charset=iso-8859-1", "map[base64:aMOpbGxv]"}, // valid UTF-8 with another meaning
		{"hello", "text/plain; charset=utf-16", "map[base64:aGVsbG8=]"},
		{"hello", "text/plain; charset=us-ascii", "map[value:hello]"},
		{structured(`"data":"text"`), "", "map[value:text]"},
		{structured(`"datacontenttype":"image/png","data_base64":"iVBORw=="`), "", "map[base64:iVBORw==]"},
		{structured(`"datacontenttype":"text/plain","data_base64":"aGk="`), "", "map[value:hi]"},
		{structured(`"data_base64":"e30="`), "", "map[]"},
	} {
		headers := []string{asCloud}
		if tt.typ != "" {
			headers = []string{"Content-Type: " + tt.typ, "ce-specversion: 1.0", fmt.Sprint("ce-id: ", i), "ce-source: /y", "ce-type: t"}
		} else {
			tt.body += fmt.Sprint(i) + `"}`
		}
		if resp, got := n.post(t, "/v1/events", tt.body, headers...); resp.StatusCode != 202 {
			t.Fatalf("%q: %d %v", tt.body, resp.StatusCode, got)
		}
		if got := fmt.Sprint(n.bodies(t, i+1)[i]["payload"]); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.body, got, tt.want)
		}
	}
}
