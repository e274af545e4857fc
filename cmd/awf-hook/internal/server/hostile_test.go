package server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
)

// raw writes bytes to a server and returns the statuses of all answers, until the server closes or has nothing to say beyond count answers.
func (n *node) raw(t *testing.T, text string, halfClose bool, count int) (statuses []string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	method, _, _ := strings.Cut(text, " ")
	var writing sync.WaitGroup
	defer writing.Wait()
	defer conn.Close()
	writing.Go(func() {
		_, _ = io.WriteString(conn, text)
		if halfClose {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	})
	for answers := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(answers, &http.Request{Method: method})
		if err != nil {
			return statuses
		}
		statuses = append(statuses, fmt.Sprint(resp.StatusCode))
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if len(statuses) >= count {
			_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		}
	}
}

func request(headers, text string) string {
	return "POST /v1/events HTTP/1.1\r\nHost: localhost\r\n" + body(headers, text)
}

// The server judges the requests of hostile and broken clients by HTTP's rules alone: its answers say what became of each event.
func TestIntakeOfHostileConnections(t *testing.T) {
	n := start(t, server.Access{})
	var asking sync.WaitGroup
	var accepted atomic.Int64
	good := envelope("", "deploy")
	hidden := request(asJSON, good)
	head := "POST /v1/events HTTP/1.1\r\nHost: localhost\r\n" + asJSON + "\r\n"
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(good), good)
	for name, tt := range map[string]struct {
		text  string
		want  string // statuses
		close bool   // half of the connection after the text
	}{
		"pipelined requests":       {request(asJSON, good) + request(asJSON, good), "202 202", false},
		"a half-closed connection": {request(asJSON, good), "202", true},
		"a body that stops":        {head + "Content-Length: 500\r\n\r\n" + good, "400", true},
		"a header that stops":      {head, "400", true},
		"chunks that stop":         {head + "Transfer-Encoding: chunked\r\n\r\n" + chunked[:40], "400", true},
		"a length beside chunks, which hold": {head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked + hidden,
			"202 202", false},
		"a length that hides a request": {head + "Content-Length: 5\r\nContent-Length: 0\r\n\r\n" + hidden, "400", false},
		"a list of lengths":             {head + "Content-Length: 5, 5\r\n\r\n" + hidden, "400", false},
		"a length with a sign":          {head + "Content-Length: +5\r\n\r\n" + hidden, "400", false},
		"a negative length":             {head + "Content-Length: -1\r\n\r\n" + hidden, "400", false},
		"a length beyond all numbers":   {head + "Content-Length: 99999999999999999999\r\n\r\n" + hidden, "400", false},
		"a space before a colon":        {head + "Transfer-Encoding : chunked\r\n\r\n" + hidden, "400", false},
		"two codings of the transfer":   {head + "Transfer-Encoding: chunked, chunked\r\n\r\n" + chunked + hidden, "501", false},
		"two headers of codings": {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked + hidden,
			"501", false},
		"a coding that is none":             {head + "Transfer-Encoding: xchunked\r\n\r\n" + chunked + hidden, "501", false},
		"a chunk's size beyond all numbers": {head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + hidden, "400", false},
		"a chunk that is longer than it is": {head + "Transfer-Encoding: chunked\r\n\r\n3\r\n" + good + "\r\n0\r\n\r\n" + hidden, "400", false},
		"endless chunks": {head + "Transfer-Encoding: chunked\r\n\r\n" +
			strings.Repeat("1000\r\n"+strings.Repeat(" ", 0x1000)+"\r\n", 5000), "413", false},
		"endless extensions of chunks": {head + "Transfer-Encoding: chunked\r\n\r\n" +
			strings.Repeat("1;"+strings.Repeat("x", 2000)+"\r\n \r\n", 10000), "400", false},
		"a flood of headers": {head + strings.Repeat("X-A: b\r\n", 20_000) + "\r\n", "431", false},
		"a long request line": {"POST /v1/events?" + strings.Repeat("a", 100_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
			"431", false},
		"an expectation": {head + "Expect: 100-continue\r\n" +
			fmt.Sprintf("Content-Length: %d\r\n\r\n", len(good)) + good, "100 202", false},
		"an upgrade to a websocket": {request(asJSON+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", good), "202", false},
		"an upgrade to HTTP/2": {request(asJSON+"\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"+
			"HTTP2-Settings: AAMAAABk", good), "202", false},
		"HTTP/2 without TLS": {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "421", false},
		"HTTP/1.0":           {strings.Replace(request(asJSON, good), "HTTP/1.1", "HTTP/1.0", 1), "202", false},
		"a load balancer's check, which names no host": {"GET /healthz HTTP/1.0\r\n\r\n", "200", true},
		"HTTP/1.0 for another host":                    {"GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n", "421", true},
		"HTTP/0.9":                                     {"GET /healthz\r\n\r\n", "400", false},
		"no host":                                      {"POST /v1/events HTTP/1.1\r\n" + body(asJSON, good), "400", false},
		"two hosts":                                    {request("Host: other\r\n"+asJSON, good), "400", false},
		"an absolute address elsewhere": {strings.Replace(request(asJSON, good), "/v1/events", "http://evil.example/v1/events", 1),
			"421", false},
		"a path that climbs": {strings.Replace(request(asJSON, good), "/v1/events", "/v1/../v1/events", 1), "307", false},
		"a slash behind":     {strings.Replace(request(asJSON, good), "/v1/events", "/v1/events/", 1), "404", false},
		"another path":       {strings.Replace(request(asJSON, good), "/v1/events", "/v2/events", 1), "404", false},
		"CONNECT":            {"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", "421", false},
		"TRACE":              {"TRACE /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n", "405", false},
		"OPTIONS of all":     {"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "200", false},
		"HEAD":               {"HEAD /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n", "405", false},
		"TLS": {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 200) + "\r\n\r\n",
			"400", false},
		"a line feed alone ends lines":      {strings.ReplaceAll(request(asJSON, ""), "\r\n", "\n") + hidden, "400 202", false},
		"an answer":                         {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "400", false},
		"a header's name that is two":       {head + "X A: b\r\n\r\n", "400", false},
		"a carriage return within a header": {head + "X-A: b\rc\r\n\r\n", "400", false},
		"a trailer that nobody wants": {head + "Transfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n" +
			chunked[:len(chunked)-2] + "X-A: b\r\n\r\n", "202", false},
		"a trailer that forbids itself":       {head + "Transfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n" + chunked, "400", false},
		"two answers are asked for in chunks": {strings.Repeat(head+"Transfer-Encoding: chunked\r\n\r\n"+chunked, 3), "202 202 202", false},
	} {
		asking.Go(func() {
			got := n.raw(t, tt.text, tt.close, len(strings.Fields(tt.want)))
			if strings.Join(got, " ") != tt.want {
				t.Errorf("%s: answered %q, want %q", name, got, tt.want)
			}
			for _, status := range got {
				if status == "202" {
					accepted.Add(1)
				}
			}
		})
	}
	asking.Wait()
	if resp, got := n.post(t, "/v1/events", envelope("", "deploy"), asJSON); resp.StatusCode != 202 {
		t.Errorf("after all of them: %d %v", resp.StatusCode, got)
	}
	want := int(accepted.Load()) + 1
	if got := len(n.bodies(t, want)); got != want {
		t.Errorf("%d events arrived, %d were answered 202", got, want)
	}
}

// Without a token nobody makes the server read a body: an expectation is refused before.
func TestIntakeRefusesBeforeTheBody(t *testing.T) {
	n := start(t, server.Access{Tokens: []server.Token{{Name: "ci", Sends: true}}})
	text := "POST /v1/events HTTP/1.1\r\nHost: localhost\r\n" + asJSON + "\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n"
	if got := strings.Join(n.raw(t, text, false, 1), " "); got != "401" {
		t.Errorf("answered %q, want 401 alone", got)
	}
}

// Clients that hold connections by bodies which do not come keep nobody out, with a token or without.
func TestSlowBodiesKeepNobodyOut(t *testing.T) {
	n := start(t, server.Access{})
	for range 1100 { // more than there may be
		conn, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "POST /v1/events HTTP/1.1\r\nHost: localhost\r\n"+asJSON+"\r\nContent-Length: 1000\r\n\r\n{")
	}
	time.Sleep(300 * time.Millisecond) // all of them are busy
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	began := time.Now()
	for range 20 {
		resp, err := client.Get(n.url + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if resp, got := n.post(t, "/v1/events", envelope("a", "deploy"), asJSON); resp.StatusCode != 202 {
		t.Errorf("%d %v", resp.StatusCode, got)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("21 requests beside them took %v", took)
	}
}

// Streams of HTTP/2 that are reset as soon as they begin, again and again, keep nobody out and leave nothing behind.
func TestStreamsThatAreReset(t *testing.T) {
	n := start(t, server.Access{})
	pair := httptest.NewUnstartedServer(nil)
	pair.StartTLS() // for its certificate
	defer pair.Close()
	var certificate server.Certificate
	certificate.Set(pair.TLS.Certificates[0])
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := n.Run(ctx, ln, certificate.TLS()); err != nil {
			t.Error(err)
		}
	})
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	url := "https://" + ln.Addr().String()
	n.post(t, "/v1/events", envelope("first", "deploy"), asJSON)
	n.bodies(t, 1)
	before := runtime.NumGoroutine()
	var resetting sync.WaitGroup
	for range 8 {
		resetting.Go(func() {
			for range 250 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				body, feed := io.Pipe() // never ends
				req, _ := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/events", body)
				req.Header.Set("Content-Type", "application/json")
				if resp, err := client.Do(req); err == nil {
					resp.Body.Close()
				}
				_ = feed.Close()
				cancel()
			}
		})
	}
	resetting.Wait()
	resp, err := client.Post(url+"/v1/events", "application/json", strings.NewReader(envelope("h2", "deploy")))
	if err != nil || resp.StatusCode != 202 || resp.ProtoMajor != 2 {
		t.Errorf("after 2,000 resets: %+v %v", resp, err)
	}
	client.CloseIdleConnections()
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before+10; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
	stop()
	running.Wait()
}

// A CloudEvent and the headers beside it have one meaning. A value that is given twice, is of another kind or is not a text is refused in
// words, not guessed at.
func TestIntakeOfOddCloudEvents(t *testing.T) {
	ce := func(more string) string { return `{"specversion":"1.0","id":"i","source":"/x","type":"t"` + more + `}` }
	binary := func(headers ...string) []string {
		return append([]string{"Content-Type: application/json", "ce-specversion: 1.0", "ce-source: /x", "ce-type: t"}, headers...)
	}
	n := start(t, server.Access{})
	for name, tt := range map[string]struct {
		body    string
		headers []string
		says    string // of a 400; "" is 202
	}{
		"no source": {`{"specversion":"1.0","id":"i","type":"t"}`, []string{asCloud}, "needs id, source and type"},
		"an id that is a number": {`{"specversion":"1.0","id":7,"source":"/x","type":"t"}`, []string{asCloud},
			"id: want a string, got a number"},
		"an id that is null":        {`{"specversion":"1.0","id":null,"source":"/x","type":"t"}`, []string{asCloud}, "needs id, source and type"},
		"two ids":                   {ce(`,"id":"other"`), []string{asCloud}, "id: given twice"},
		"two data":                  {ce(`,"data":1,"data":2`), []string{asCloud}, "data: given twice"},
		"data in two ways":          {ce(`,"data":{},"data_base64":"e30="`), []string{asCloud}, "got both"},
		"null data behind base64":   {ce(`,"data_base64":"e30=","data":null`), []string{asCloud}, ""},
		"null data before base64":   {ce(`,"data": null ,"data_base64":"e30="`), []string{asCloud}, ""},
		"data before null base64":   {ce(`,"data":{},"data_base64":null`), []string{asCloud}, ""},
		"null data twice":           {ce(`,"data":null,"data":null,"data_base64":"e30="`), []string{asCloud}, "data: given twice"},
		"no base64":                 {ce(`,"data_base64":"!"`), []string{asCloud}, "data_base64: not base64"},
		"base64 that is not a text": {ce(`,"data_base64":7`), []string{asCloud}, "data_base64: want a string, got a number"},
		"base64 of broken JSON":     {ce(`,"data_base64":"eyI="`), []string{asCloud}, "data_base64: invalid JSON"},
		"names in capitals":         {`{"SpecVersion":"1.0","ID":"i","Source":"/x","Type":"t"}`, []string{asCloud}, "specversion"},
		"no UTF-8":                  {ce(",\"subject\":\"\xff\""), []string{asCloud}, "not UTF-8"},
		"a list":                    {`[` + ce("") + `]`, []string{asCloud}, "want an object, got a list"},
		"a type that is an object":  {ce(`,"subject":{}`), []string{asCloud}, "subject: want a string, got an object"},
		"another version":           {strings.Replace(ce(""), "1.0", "2.0", 1), []string{asCloud}, "specversion: want 1.0"},
		"base64 of an image":        {ce(`,"datacontenttype":"image/png","data_base64":"iVBORw=="`), []string{asCloud}, ""},
		"data that is a text":       {ce(`,"datacontenttype":"text/xml","data":"<a/>"`), []string{asCloud}, ""},
		"extensions of any kind":    {ce(`,"Ünï":1,"a_b":{"id":7},"x":null,"a_b":2`), []string{asCloud}, ""},
		"an empty batch":            {`[]`, []string{asBatch}, ""},
		"a batch with no object":    {`[` + ce("") + `,"x"]`, []string{asBatch}, "want an object, got a string"},
		"two ids in headers":        {`{}`, binary("ce-id: one", "ce-id: two"), "ce-id: given twice"},
		"an id of Latin-1":          {`{}`, binary("ce-id: caf\xe9"), "ce-id: not UTF-8"},
		"an id of encoded bytes":    {`{}`, binary("ce-id: caf%e9"), "ce-id: not UTF-8"},
		"a percent sign of its own": {`{}`, binary("ce-id: 100%"), ""},
		"another version in both":   {`{}`, append(binary("ce-id: i"), "ce-specversion: 1.0"), "ce-specversion: given twice"},
		"two keys of a request": {envelope("", "w"), []string{asJSON, "Idempotency-Key: a", "Idempotency-Key: b"},
			"Idempotency-Key: given twice"},
		"two ids of a request": {envelope("", "w"), []string{asJSON, "webhook-id: a", "webhook-id: b"}, "Webhook-Id: given twice"},
	} {
		resp, got := n.post(t, "/v1/events", tt.body, tt.headers...)
		text := fmt.Sprint(got["error"])
		if tt.says == "" && resp.StatusCode != 202 || tt.says != "" && (resp.StatusCode != 400 || !strings.Contains(text, tt.says)) {
			t.Errorf("%s: %d %v, want %q", name, resp.StatusCode, got, tt.says)
		}
		if strings.Contains(text, "Go ") || strings.Contains(text, "server.") {
			t.Errorf("%s: answered in the words of Go: %s", name, text)
		}
	}
	for query, want := range map[string]int{
		"?partial=1": 202, "?partial=0": 202, "?": 202, "?partial=true": 400, "?partial=1&partial=0": 400, "?dry=1": 400, "?a;b": 400,
		"?partial=": 400, "?" + strings.Repeat("x", 20_000) + "=1": 400,
	} {
		if resp, got := n.post(t, "/v1/events"+query, envelope("", "w"), asJSON); resp.StatusCode != want {
			t.Errorf("%.40s: %d %v, want %d", query, resp.StatusCode, got, want)
		}
	}
	// The same attributes are the same event, however a header writes them.
	_, one := n.post(t, "/v1/events", `{}`, binary("ce-id: é 1")...)
	for _, other := range []string{"%C3%A9%201", `"é 1"`, `"\é 1"`, "%c3%a9 1"} {
		if _, got := n.post(t, "/v1/events", `{}`, binary("ce-id: "+other)...); fates(got) != "known" {
			t.Errorf("%s: %v, want what %v was", other, got, one)
		}
	}
}
