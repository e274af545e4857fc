package server_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	hidden "github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/engine/signature"
)

func TestIntakeTakesEveryForm(t *testing.T) {
	pretty := strings.ReplaceAll(envelope("pretty", "deploy"), ",", ",\n  ")
	tests := []struct {
		name, body string
		headers    []string
		fates      string
	}{
		{"an envelope", envelope("one", "deploy"), []string{asJSON}, "accepted"},
		{"an envelope with a charset", envelope("two", "deploy"), []string{asJSON + "; charset=utf-8"}, "accepted"},
		{"an envelope on several lines", pretty, []string{asJSON}, "accepted"},
		{"an audit line", auditStart, []string{asJSON}, "accepted"},
		{"lines of every dialect", strings.Join([]string{envelope("three", "deploy"), auditEnd, transcript, plugin, serverSent}, "\n"),
			[]string{asLines},
			"accepted accepted accepted accepted accepted"},
		{"lines with blank ones and CRLF", "\r\n" + envelope("four", "deploy") + "\r\n\r\n" + envelope("five", "deploy"), []string{asLines},
			"accepted accepted"},
		{"a byte order mark", "\uFEFF" + envelope("bom", "deploy"), []string{asLines}, "accepted"},
		{"one that nobody wants", envelope("six", "nobody") + "\n" + envelope("seven", "deploy"), []string{asLines}, "unwanted accepted"},
		{"the same line twice", envelope("eight", "deploy") + "\n" + envelope("eight", "deploy"), []string{asLines}, "accepted known"},
		{"a second end of a run", auditEnd + "\n" + auditEnd, []string{asLines}, "known known"},
		{"a CloudEvent", cloud, []string{asCloud}, "accepted"},
		{"a CloudEvent again", cloud, []string{asCloud}, "known"},
		{"a batch", "[" + cloud + "," + cloudNumber + "]", []string{asBatch}, "known accepted"},
		{"a batch with the headers of a binary one", "[" + cloud + "," + cloudNumber + "]",
			[]string{asBatch, "ce-specversion: 1.0", "ce-id: 9", "ce-source: /x", "ce-type: t"}, "known known"},
		{"a binary CloudEvent", `{"a":1}`,
			[]string{asJSON, "ce-specversion: 1.0", "ce-id: 9", "ce-source: /x", "ce-type: t", "ce-subject: deploy%20it"}, "accepted"},
		{"a binary CloudEvent of text", `hello`,
			[]string{"Content-Type: text/plain", "ce-specversion: 1.0", "ce-id: 10", "ce-source: /x", "ce-type: t"}, "accepted"},
		{"a binary CloudEvent without data", "", []string{"ce-specversion: 1.0", "ce-id: 11", "ce-source: /x", "ce-type: t"}, "accepted"},
	}
	n := start(t, server.Access{})
	for _, tt := range tests {
		resp, got := n.post(t, "/v1/events", tt.body, tt.headers...)
		if resp.StatusCode != http.StatusAccepted || fates(got) != tt.fates {
			t.Errorf("%s: %d %v, want 202 %s", tt.name, resp.StatusCode, got, tt.fates)
		}
		results, _ := got["results"].([]any)
		for _, r := range results {
			if r.(map[string]any)["id"] == "" {
				t.Errorf("%s: no id in %v", tt.name, r)
			}
		}
	}
}

func TestIntakeRefuses(t *testing.T) {
	long := `{"id":"long","event":"e","workflow_id":"r","workflow_name":"w","timestamp":"2026-03-01T12:00:00Z",` +
		`"payload":{"x":"` + strings.Repeat("x", event.MaxLine) + `"}}`
	tests := []struct {
		name, body   string
		headers      []string
		status       int
		line, column float64
	}{
		{"no type", envelope("a", "w"), nil, 415, 0, 0},
		{"a form's type", envelope("a", "w"), []string{"Content-Type: text/plain"}, 415, 0, 0},
		{"another coding", envelope("a", "w"), []string{asJSON, "Content-Encoding: br"}, 415, 0, 0},
		{"no gzip", envelope("a", "w"), []string{asJSON, "Content-Encoding: gzip"}, 400, 0, 0},
		{"nothing", "", []string{asJSON}, 400, 1, 1},
		{"blank lines", "\n\n", []string{asLines}, 400, 1, 1},
		{"no JSON", `{"event":"e","workflow_id":`, []string{asJSON}, 400, 1, 27},
		{"a foreign object", `{"a":1}`, []string{asJSON}, 400, 1, 1},
		{"text", "hello", []string{asLines}, 400, 1, 1},
		{"a bad line among good ones", envelope("a", "w") + "\n" + `{"event":"e","workflow_id":1,"workflow_name":"w"}`, []string{asLines},
			400, 2, 14},
		{"a mistake on the third line", "{\"event\":\"e\",\n\"workflow_id\":\"r\",\n \"timestamp\":7,\"workflow_name\":\"\"}",
			[]string{asJSON}, 400, 3, 2},
		{"two values as one", envelope("a", "w") + "\n" + envelope("b", "w"), []string{asJSON}, 400, 2, 1},
		{"an event over 1 MiB", long, []string{asJSON}, 413, 1, 1},
		{"a line over 1 MiB", envelope("a", "w") + "\n" + long, []string{asLines}, 413, 2, 1},
		{"a body over 16 MiB", strings.Repeat(envelope("a", "w")+"\n", 1<<17), []string{asLines}, 413, 0, 0},
		{"a CloudEvent of another version", strings.Replace(cloud, "1.0", "0.3", 1), []string{asCloud}, 400, 1, 1},
		{"a CloudEvent without source", strings.Replace(cloud, `"source":"/x",`, "", 1), []string{asCloud}, 400, 1, 1},
		{"a CloudEvent with a bad time", strings.Replace(cloud, "2026-03-01T", "yesterday ", 1), []string{asCloud}, 400, 1, 1},
		{"no batch", cloud, []string{asBatch}, 400, 1, 1},
		{"a deep batch", strings.Repeat("[", 20_000), []string{asBatch}, 400, 1, 10_001},
		{"a deep event", strings.Replace(cloud, `{"a":1}`, strings.Repeat(`{"a":`, 20_000), 1), []string{asCloud}, 400, 0, 0},
		{"two codings", envelope("a", "w"), []string{asJSON, "Content-Encoding: gzip, gzip"}, 415, 0, 0},
		{"no UTF-8 in a CloudEvent's header", "1", []string{asJSON, "ce-specversion: 1.0", "ce-id: %ff%zz", "ce-source: /x", "ce-type: "},
			400, 1, 1},
		{"a batch with a hole", "[" + cloud + ",7]", []string{asBatch}, 400, 1, float64(len(cloud) + 3)},
		{"another host", envelope("a", "w"), []string{asJSON, "Host: evil.example"}, 421, 0, 0},
		{"another site", envelope("a", "w"), []string{asJSON, "Sec-Fetch-Site: cross-site"}, 403, 0, 0},
	}
	pretty := "[" + cloud + ",\n  {\"specversion\":\"1.0\", \"id\":\"2\",\n\"source\":\"/x\",\n   "
	for _, of := range []struct {
		name, rest   string
		line, column float64
	}{
		{"an attribute of a batch's second event", `"type":7}]`, 4, 4},
		{"a batch's second event", `"type":""}]`, 2, 3},
		{"what is not JSON in a batch", `"type":"t"` + "\n" + ` "time":""}]`, 5, 2},
		{"a batch that stops", `"type":"t"},`, 4, 15},
		{"what follows a batch", `"type":"t"}]` + "\n]", 5, 1},
	} {
		added := tests[0]
		added.name, added.body, added.headers = of.name, pretty+of.rest, []string{asBatch}
		added.status, added.line, added.column = 400, of.line, of.column
		tests = append(tests, added)
	}
	n := start(t, server.Access{})
	for _, tt := range tests {
		resp, got := n.post(t, "/v1/events", tt.body, tt.headers...)
		line, _ := got["line"].(float64)
		column, _ := got["column"].(float64)
		if resp.StatusCode != tt.status || tt.line > 0 && (line != tt.line || column != tt.column) || got["error"] == nil {
			t.Errorf("%s: %d %v, want %d at %v:%v", tt.name, resp.StatusCode, got, tt.status, tt.line, tt.column)
		}
	}
	if resp, got := n.post(t, "/v1/events", envelope("last", "deploy"), asJSON); resp.StatusCode != 202 {
		t.Errorf("after all of them: %d %v", resp.StatusCode, got)
	}
	if all := n.bodies(t, 1); len(all) != 1 {
		t.Errorf("refused requests left %d deliveries, want the last one's alone", len(all)-1)
	}
}

// Whatever comes is answered within the table of docs/serve.md, and harms nothing that comes after it.
func TestIntakeOfOddRequests(t *testing.T) {
	good := envelope("", "deploy")
	for name, tt := range map[string]struct {
		raw    string // behind the request line and Host
		status string
	}{
		"a NUL in the JSON":              {body(asJSON, good[:20]+"\x00"+good[20:]), "400"},
		"NUL bytes alone":                {body(asLines, "\x00\x00\x00"), "400"},
		"a BOM and CRLF":                 {body(asLines, "\uFEFF"+good+"\r\n"+good+"\r\n"), "202"},
		"a BOM on the second line":       {body(asLines, good+"\n\uFEFF"+good), "400"},
		"UTF-16":                         {body(asJSON+"; charset=utf-16", "\xff\xfe{\x00}\x00"), "400"},
		"another charset of ASCII":       {body(asJSON+"; charset=iso-8859-1", good), "202"},
		"a charset that is not UTF-8":    {body(asJSON+"; charset=iso-8859-1", strings.Replace(good, "deploy", "d\xe9ploy", 1)), "400"},
		"UTF-8 by its name":              {body(asJSON+`; charset="UTF-8"`, strings.Replace(good, "deploy", "déploy", 1)), "202"},
		"a broken charset":               {body(asJSON+"; charset=\"", good), "415"},
		"two types":                      {body(asJSON+"\r\nContent-Type: text/plain", good), "400"},
		"two codings":                    {body(asJSON+"\r\nContent-Encoding: identity\r\nContent-Encoding: gzip", good), "400"},
		"two keys":                       {body(asJSON+"\r\nIdempotency-Key: a\r\nIdempotency-Key: b", good), "400"},
		"a key of nothing":               {body(asJSON+"\r\nIdempotency-Key:", good), "400"},
		"two signatures":                 {body(asJSON+"\r\nWebhook-Signature: v1,AA\r\nWebhook-Signature: v1,BB", good), "400"},
		"two lengths":                    {body(asJSON+"\r\nContent-Length: 3", good), "400"},
		"a length and chunks":            {asJSON + "\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "400"},
		"chunks of no size":              {asJSON + "\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
		"another coding of the transfer": {asJSON + "\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
		"chunks": {fmt.Sprintf("%s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", asJSON, len(good),
			good), "202"},
		"an unknown expectation": {body(asJSON+"\r\nExpect: 200-maybe", good), "417"},
		"a folded header":        {body(asJSON+"\r\nX-A: a\r\n b", good), "202"},
		"a header with NUL":      {body(asJSON+"\r\nX-A: a\x00b", good), "400"},
		"a large header":         {body(asJSON+"\r\nX-A: "+strings.Repeat("a", 64<<10), good), "431"},
		"two traceparents":       {body(asJSON+"\r\nTraceparent: "+parent+"\r\nTraceparent: "+parent, good), "202"},
		"a broken traceparent":   {body(asJSON+"\r\nTraceparent: 00-zz\r\nTracestate: ===", good), "202"},
		"a CloudEvent with extensions": {body(asCloud,
			strings.Replace(cloud, "{", `{"traceparent":"`+parent+`","sequence":"1","x":null,`, 1)), "202"},
		"a CloudEvent of a wrong trace": {body(asCloud, strings.Replace(cloud, "{", `{"traceparent":7,`, 1)), "400"},
		"a duplicate key":               {body(asJSON, strings.Replace(good, "{", `{"event":"x",`, 1)), "400"},
		"binary and batch at once": {body(asBatch+"\r\nce-specversion: 1.0\r\nce-id: 7\r\nce-source: /x\r\nce-type: t", "["+cloud+"]"),
			"202"},
		"a lone surrogate":                {body(asJSON, strings.Replace(good, "1.50", `"\ud800"`, 1)), "202"},
		"a payload that is not an object": {body(asJSON, strings.Replace(good, `{"n":1.50}`, "[1]", 1)), "400"},
		"gzip in gzip":                    {body(asJSON+"\r\nContent-Encoding: gzip", "\x1f\x8b\x08\x00"), "400"},
		"another method":                  {"", "405"},
	} {
		t.Run(name, func(t *testing.T) {
			n := start(t, server.Access{})
			conn, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			method := "POST"
			if tt.raw == "" {
				method, tt.raw = "PUT", "Content-Length: 0\r\n\r\n"
			}
			go func() { _, _ = io.WriteString(conn, method+" /v1/events HTTP/1.1\r\nHost: localhost\r\n"+tt.raw) }()
			status, _ := bufio.NewReader(conn).ReadString('\n')
			if fields := strings.Fields(status); len(fields) < 2 || fields[1] != tt.status {
				t.Errorf("answered %q, want %s", status, tt.status)
			}
			if resp, got := n.post(t, "/v1/events", envelope("after", "deploy"), asJSON); resp.StatusCode != 202 {
				t.Errorf("after it: %d %v", resp.StatusCode, got)
			}
		})
	}
}

// parent is a traceparent.
const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// body is a request's headers with the length of its body, and the body.
func body(headers, text string) string {
	return fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", headers, len(text), text)
}

func TestIntakeTakesGoodLinesIfAsked(t *testing.T) {
	n := start(t, server.Access{})
	body := envelope("a", "deploy") + "\nhello\n" + envelope("b", "deploy")
	resp, got := n.post(t, "/v1/events?partial=1", body, asLines)
	if resp.StatusCode != 202 || fates(got) != "accepted refused accepted" || got["accepted"] != 2.0 {
		t.Errorf("%d %v", resp.StatusCode, got)
	}
	if why := got["results"].([]any)[1].(map[string]any)["error"]; why != "2:1: not an event of a known dialect" {
		t.Errorf("why the second line is refused: %v", why)
	}
	if resp, _ := n.post(t, "/v1/events?partial=1", "hello\n", asLines); resp.StatusCode != 400 {
		t.Errorf("nothing but bad lines: %d, want 400", resp.StatusCode)
	}
}

func TestIntakeKnowsARequestAgain(t *testing.T) {
	n := start(t, server.Access{})
	lines := envelope("", "deploy") + "\n" + envelope("", "deploy")
	for i, want := range []string{"accepted accepted", "known known"} {
		if _, got := n.post(t, "/v1/events", lines, asLines, "Idempotency-Key: 7f3"); fates(got) != want {
			t.Errorf("request %d: %v, want %s", i+1, got, want)
		}
	}
	if _, got := n.post(t, "/v1/events", lines, asLines, "Idempotency-Key: 7f4"); fates(got) != "accepted accepted" {
		t.Errorf("another key: %v", got)
	}
	if _, got := n.post(t, "/v1/events", envelope("", "deploy"), asJSON); fates(got) != "accepted" {
		t.Errorf("no key: %v", got)
	} else if id := got["results"].([]any)[0].(map[string]any)["id"]; len(fmt.Sprint(id)) != 36 {
		t.Errorf("the id that was made is %v", id)
	}
}

func TestIntakeAsksWhoSends(t *testing.T) {
	n := start(t, server.Access{
		Tokens: []server.Token{{Name: "ci", SHA256: sha256.Sum256([]byte(ciToken)), Sends: true},
			{Name: "ci", SHA256: sha256.Sum256([]byte("the next one")), Sends: true}},
		Secrets: []config.SigningSecret{{Secret: hidden.New("whsec_b2xk")}, {Secret: hidden.New(secret)}},
	})
	good := "Authorization: Bearer "
	for _, tt := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"nothing", nil, 401},
		{"another token", []string{good + "guess"}, 401},
		{"another scheme", []string{"Authorization: Basic Y2k6eA=="}, 401},
		{"the token", []string{good + ciToken}, 202},
		{"the token, in lower case", []string{"Authorization: bearer " + ciToken}, 202},
		{"the next token", []string{good + "the next one"}, 202},
		{"a signature by nobody", []string{"webhook-id: 1", "webhook-timestamp: 1", "webhook-signature: v1,AAAA"}, 401},
		{"two tokens", []string{good + "guess", good + ciToken}, 401},
		{"the token on another name for the host", []string{good + ciToken, "Host: hooks.example"}, 202},
	} {
		resp, got := n.post(t, "/v1/events", envelope(tt.name, "deploy"), append(tt.headers, asJSON)...)
		if resp.StatusCode != tt.status || (resp.Header.Get("WWW-Authenticate") != "") != (tt.status == 401) {
			t.Errorf("%s: %d %v, want %d", tt.name, resp.StatusCode, got, tt.status)
		}
	}
	for name, at := range map[string]time.Time{"now": time.Now(), "old": time.Now().Add(-6 * time.Minute),
		"new": time.Now().Add(6 * time.Minute)} {
		h, body := http.Header{}, envelope("", "deploy")
		if err := signature.Sign(h, signature.Standard, signature.Message{ID: "msg_" + name, Time: at, Body: []byte(body)}, secret); err != nil {
			t.Fatal(err)
		}
		headers := []string{asJSON}
		for key := range h {
			headers = append(headers, key+": "+h.Get(key))
		}
		resp, got := n.post(t, "/v1/events", body, headers...)
		if want := map[bool]int{true: 202, false: 401}[name == "now"]; resp.StatusCode != want {
			t.Errorf("signed %s: %d %v, want %d", name, resp.StatusCode, got, want)
		} else if want == 202 && got["results"].([]any)[0].(map[string]any)["id"] != "msg_now" {
			t.Errorf("the event's id is not the webhook-id: %v", got)
		}
		if resp, _ := n.post(t, "/v1/events", body+" ", headers...); resp.StatusCode != 401 {
			t.Errorf("a body that was changed: %d, want 401", resp.StatusCode)
		}
	}
	for _, path := range []string{"/healthz", "/livez", "/readyz"} {
		resp, err := http.Get(n.url + path)
		if err != nil || resp.StatusCode != 200 {
			t.Errorf("%s without a token: %v %v", path, resp, err)
		}
	}
}

// Operator events are awf-hook's own: who may only send does not make them, in any form.
func TestIntakeTakesOperatorEventsFromFew(t *testing.T) {
	n := start(t, server.Access{
		Tokens: []server.Token{{Name: "ci", SHA256: sha256.Sum256([]byte(ciToken)), Sends: true},
			{Name: "root", SHA256: sha256.Sum256([]byte("root")), Sends: true, Role: access.Admin}},
		Secrets: []config.SigningSecret{{Secret: hidden.New(secret)}},
	})
	good := envelope("", "deploy")
	for _, typ := range event.OperatorTypes() {
		one := strings.Replace(good, "workflow_end", typ, 1)
		dotted := strings.Replace(transcript, "step.started", strings.Replace(typ, "_", ".", 1), 1)
		binary := []string{"ce-specversion: 1.0", "ce-id: 1", "ce-source: /x", "ce-type: " + typ, asJSON}
		for _, tt := range []struct {
			name, body string
			headers    []string
			line       float64
		}{
			{"an envelope", one, []string{asJSON}, 1},
			{"a line among good ones", good + "\n" + one, []string{asLines}, 2},
			{"a CloudEvent", strings.Replace(cloud, "deploy.done", typ, 1), []string{asCloud}, 1},
			{"a batch", "[" + strings.Replace(cloud, "deploy.done", typ, 1) + "]", []string{asBatch}, 1},
			{"a binary CloudEvent", `{}`, binary, 1},
			{"a transcript's line", dotted, []string{asLines}, 1},
		} {
			resp, got := n.post(t, "/v1/events", tt.body, append(tt.headers, "Authorization: Bearer "+ciToken)...)
			if text, _ := got["error"].(string); resp.StatusCode != 403 || !strings.Contains(text,
				typ+" is awf-hook's own") || got["line"] != tt.line {
				t.Errorf("%s of %s: %d %v, want 403 at line %v", tt.name, typ, resp.StatusCode, got, tt.line)
			}
		}
		resp, got := n.post(t, "/v1/events?partial=1", good+"\n"+one, asLines, "Authorization: Bearer "+ciToken)
		if resp.StatusCode != 202 || fates(got) != "accepted refused" {
			t.Errorf("%s with a good one: %d %v", typ, resp.StatusCode, got)
		}
		if resp, got := n.post(t, "/v1/events", one, asJSON, "Authorization: Bearer root"); resp.StatusCode != 202 {
			t.Errorf("%s by an admin: %d %v", typ, resp.StatusCode, got)
		}
		h := http.Header{}
		if err := signature.Sign(h, signature.Standard, signature.Message{ID: typ, Time: time.Now(), Body: []byte(one)}, secret); err != nil {
			t.Fatal(err)
		}
		headers := []string{asJSON}
		for key := range h {
			headers = append(headers, key+": "+h.Get(key))
		}
		if resp, got := n.post(t, "/v1/events", one, headers...); resp.StatusCode != 202 { // by another awf-hook
			t.Errorf("%s signed: %d %v", typ, resp.StatusCode, got)
		}
	}
}

// A refused event of a request with good ones is counted by its own reason.
func TestIntakeCountsRefusedEventsByTheirReason(t *testing.T) {
	counted := map[server.Reason]int{}
	n := startWith(t, server.Access{Tokens: []server.Token{{Name: "ci", SHA256: sha256.Sum256([]byte(ciToken)), Sends: true}}},
		func(o *server.Options) {
			o.Refused = func(_ string, reason server.Reason, events int) { counted[reason] += events }
		})
	lines := []string{envelope("", "deploy"), `{"event":1}`, strings.Replace(envelope("", "deploy"), "workflow_end", event.HookDeadLetter, 1)}
	resp, got := n.post(t, "/v1/events?partial=1", strings.Join(lines, "\n"), asLines, "Authorization: Bearer "+ciToken)
	want := map[server.Reason]int{server.Bad: 1, server.Unauthorized: 1}
	if resp.StatusCode != 202 || fates(got) != "accepted refused refused" || !maps.Equal(counted, want) {
		t.Errorf("%d %v, counted %v, want %v", resp.StatusCode, got, counted, want)
	}
}

func TestIntakeBoundsASource(t *testing.T) {
	n := start(t, server.Access{Tokens: []server.Token{
		{Name: "slow", SHA256: sha256.Sum256([]byte("slow")), Rate: 2, Sends: true}, {Name: "fast", SHA256: sha256.Sum256([]byte("fast")),
			Sends: true},
	}})
	ten := strings.Repeat(envelope("", "deploy")+"\n", 10)
	if resp, _ := n.post(t, "/v1/events", ten, asLines, "Authorization: Bearer slow"); resp.StatusCode != 202 {
		t.Fatalf("the first: %d", resp.StatusCode)
	}
	resp, _ := n.post(t, "/v1/events", ten, asLines, "Authorization: Bearer slow")
	if wait := resp.Header.Get("Retry-After"); resp.StatusCode != 429 || wait != "5" && wait != "4" {
		t.Errorf("the second: %d after %s s, want 429 after 4 or 5", resp.StatusCode, wait)
	}
	if resp, _ := n.post(t, "/v1/events", ten, asLines, "Authorization: Bearer fast"); resp.StatusCode != 202 {
		t.Errorf("another source: %d", resp.StatusCode)
	}
}

func TestIntakeAnswersCloudEventsSenders(t *testing.T) {
	n := start(t, server.Access{})
	req, _ := http.NewRequest(http.MethodOptions, n.url+"/v1/events", nil)
	req.Header.Set("WebHook-Request-Origin", "eventemitter.example.com")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("WebHook-Allowed-Origin") != "eventemitter.example.com" ||
		resp.Header.Get("Allow") != "POST, OPTIONS" {
		t.Errorf("%v %v", resp, err)
	}
	if resp, err := http.Get(n.url + "/v1/events"); err != nil || resp.StatusCode != 405 || resp.Header.Get("Allow") == "" {
		t.Errorf("GET: %v %v", resp, err)
	}
}

// The bytes of a payload, the time and the name go the whole way.
func TestIntakeKeepsWhatCame(t *testing.T) {
	n := start(t, server.Access{})
	n.post(t, "/v1/events", cloud, asCloud)
	got := n.bodies(t, 1)[0]
	want := map[string]any{"event": "deploy.done", "workflow_id": "", "workflow_name": "deploy", "timestamp": "2026-03-01T12:00:00Z",
		"payload": map[string]any{"a": 1.0}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	n.post(t, "/v1/events", strings.Join([]string{auditStart, transcript, auditEnd}, "\n"), asLines)
	for _, body := range n.bodies(t, 4)[1:] {
		if body["workflow_name"] != "deploy" {
			t.Errorf("a line of the run does not know its workflow: %v", body)
		}
	}
}
