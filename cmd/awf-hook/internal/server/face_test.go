package server_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
)

// face starts a server whose page and API answer with the caller.
func face(t *testing.T, a server.Access) *node {
	t.Helper()
	who := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewEncoder(w).Encode(access.From(r.Context())); err != nil {
			t.Error(err)
		}
	})
	return startWith(t, a, func(o *server.Options) {
		o.Page, o.API = who, who
		o.Login = func(w http.ResponseWriter, status int, to, wrong string) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "log in for "+to+": "+wrong)
		}
	})
}

var roles = server.Access{Page: access.Operate, Hosts: []string{"hooks.test"}, Tokens: []server.Token{
	{Name: "ci", SHA256: sha256.Sum256([]byte("send-token")), Sends: true},
	{Name: "eye", SHA256: sha256.Sum256([]byte("read-token")), Role: access.Read},
	{Name: "hand", SHA256: sha256.Sum256([]byte("operate-token")), Role: access.Operate},
	{Name: "head", SHA256: sha256.Sum256([]byte("admin-token")), Role: access.Admin, Sends: true},
}}

// ask makes a request without following redirects. A header is "Name: value"; Host may be one.
func ask(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if req.Header.Set(name, value); name == "Host" {
			req.Host = value
		}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func TestRolesDecide(t *testing.T) {
	n := face(t, roles)
	for _, test := range []struct {
		token                                  string
		sends, sees, changes, pageGet, pagePut int
	}{
		{"send-token", 202, 403, 403, 403, 403},
		{"read-token", 403, 200, 403, 200, 403},
		{"operate-token", 403, 200, 200, 200, 200},
		{"admin-token", 202, 200, 200, 200, 200},
		{"no-token", 401, 401, 401, 401, 401},
		{"", 401, 401, 401, 401, 401},
	} {
		headers := []string{"Content-Type: application/json"}
		if test.token != "" {
			headers = append(headers, "Authorization: Bearer "+test.token)
		}
		event := `{"id":"e-` + test.token + `","event":"workflow_start","workflow_id":"w","workflow_name":"deploy",` +
			`"timestamp":"2026-11-01T00:00:00Z","payload":{}}`
		for _, call := range []struct {
			method, path, body string
			want               int
		}{
			{"POST", "/v1/events", event, test.sends},
			{"GET", "/v1/webhooks", "", test.sees},
			{"POST", "/v1/deliveries/x/replay", "{}", test.changes},
			{"DELETE", "/v1/deliveries/x", "", test.changes},
			{"GET", "/deliveries", "", test.pageGet},
			{"POST", "/deliveries", "a=b", test.pagePut},
		} {
			resp, text := ask(t, call.method, n.url+call.path, call.body, headers...)
			if resp.StatusCode != call.want {
				t.Errorf("%q: %s %s: %d %s, want %d", test.token, call.method, call.path, resp.StatusCode, text, call.want)
			}
		}
	}
}

func TestPageIsBoundByItsMode(t *testing.T) {
	for _, test := range []struct {
		mode      access.Role
		get, post int
	}{{access.None, 404, 404}, {access.Read, 200, 403}, {access.Operate, 200, 200}} {
		a := roles
		a.Page = test.mode
		n := face(t, a)
		for method, want := range map[string]int{"GET": test.get, "POST": test.post} {
			if resp, text := ask(t, method, n.url+"/", "", "Authorization: Bearer admin-token"); resp.StatusCode != want {
				t.Errorf("page %v: %s: %d %s, want %d", test.mode, method, resp.StatusCode, text, want)
			}
		}
		if resp, _ := ask(t, "POST", n.url+"/v1/replay", "", "Authorization: Bearer admin-token"); resp.StatusCode != 200 {
			t.Errorf("page %v: the API does not answer an admin: %d", test.mode, resp.StatusCode)
		}
	}
}

// A token is entered once. Its session is valid while the token is in the configuration.
func TestSessionStandsForItsToken(t *testing.T) {
	n := face(t, roles)
	resp, _ := ask(t, "GET", n.url+"/runs/7?x=1", "", "Accept: text/html")
	if at := resp.Header.Get("Location"); resp.StatusCode != 303 || at != "../login?to="+url.QueryEscape("/runs/7?x=1") {
		t.Fatalf("without a session: %d to %q", resp.StatusCode, at)
	}
	form := "Content-Type: application/x-www-form-urlencoded"
	for token, want := range map[string]int{"wrong": 401, "send-token": 403} {
		if resp, _ := ask(t, "POST", n.url+"/login", "token="+token, form); resp.StatusCode != want || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s opens a session: %d", token, resp.StatusCode)
		}
	}
	resp, _ = ask(t, "POST", n.url+"/login", "token=+operate-token+&to=/runs/7", form)
	cookies := resp.Cookies()
	if resp.StatusCode != 303 || resp.Header.Get("Location") != "./runs/7" || len(cookies) != 1 {
		t.Fatalf("log-in: %d to %q, %v", resp.StatusCode, resp.Header.Get("Location"), cookies)
	}
	if c := cookies[0]; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge <= 0 {
		t.Errorf("the cookie is %v", c)
	}
	for protocols, want := range map[string]bool{
		"https": true, "HTTPS": true, "https, http": true, " https ,http": true, "http, https": false, "http": false, "": false, "httpss": false,
	} {
		resp, _ := ask(t, "POST", n.url+"/login", "token=operate-token", form, "X-Forwarded-Proto: "+protocols)
		if list := resp.Cookies(); len(list) != 1 || list[0].Secure != want || cookies[0].Secure {
			t.Errorf("behind a proxy with %q: %v, want Secure %t; without one %v", protocols, list, want, cookies)
		}
	}
	cookie := "Cookie: " + cookies[0].Name + "=" + cookies[0].Value
	if resp, text := ask(t, "POST", n.url+"/deliveries", "", cookie); resp.StatusCode != 200 || !strings.Contains(text, `"hand"`) {
		t.Errorf("with the session: %d %s", resp.StatusCode, text)
	}
	if resp, _ := ask(t, "POST", n.url+"/deliveries", "", cookie, "Sec-Fetch-Site: same-site"); resp.StatusCode != 403 {
		t.Errorf("another page of this machine changes things: %d", resp.StatusCode)
	}
	lower := roles
	lower.Tokens = append([]server.Token{}, roles.Tokens...)
	lower.Tokens[2].Role = access.Read
	n.SetAccess(lower)
	if resp, _ := ask(t, "POST", n.url+"/deliveries", "", cookie); resp.StatusCode != 403 {
		t.Errorf("the session keeps a role that its token lost: %d", resp.StatusCode)
	}
	lower.Tokens = append(lower.Tokens[:2:2], lower.Tokens[3])
	n.SetAccess(lower)
	if resp, _ := ask(t, "GET", n.url+"/deliveries", "", cookie); resp.StatusCode != 401 {
		t.Errorf("the session outlives its token: %d", resp.StatusCode)
	}
	n.SetAccess(roles)
	if resp, _ := ask(t, "POST", n.url+"/logout", "", cookie); resp.StatusCode != 303 {
		t.Errorf("log-out: %d", resp.StatusCode)
	}
	if resp, _ := ask(t, "GET", n.url+"/deliveries", "", cookie); resp.StatusCode != 401 {
		t.Errorf("the session outlives its log-out: %d", resp.StatusCode)
	}
}

func TestWrongTokensAreLimited(t *testing.T) {
	n := face(t, roles)
	try := func(token, from string) *http.Response {
		resp, _ := ask(t, "POST", n.url+"/login", "token="+token, "Content-Type: application/x-www-form-urlencoded", "X-Forwarded-For: "+from)
		return resp
	}
	for range 30 {
		if resp := try("read-token", "192.0.2.1"); resp.StatusCode != 303 {
			t.Fatalf("a right token: %d", resp.StatusCode)
		}
	}
	tries := 0
	for tries < 30 && try("guess", fmt.Sprintf("198.51.100.%d, 192.0.2.1", tries)).StatusCode == 401 {
		tries++
	}
	if resp := try("guess", "192.0.2.1"); tries < 5 || resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("after %d wrong tokens: %d, Retry-After %q", tries, resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	if resp := try("read-token", "192.0.2.2"); resp.StatusCode != 303 {
		t.Errorf("another client of the same proxy: %d", resp.StatusCode)
	}
}

func TestLoginLeadsToThisServerAlone(t *testing.T) {
	n := face(t, roles)
	for _, to := range []string{"https://evil.test/", "//evil.test", `/\evil.test`, "javascript:alert(1)", "", "evil", "/\t/evil.test",
		"http:/x", "/%0d%0aA:b\r\nB: c"} {
		form := url.Values{"token": {"read-token"}, "to": {to}}.Encode()
		resp, _ := ask(t, "POST", n.url+"/login", form, "Content-Type: application/x-www-form-urlencoded")
		if at := resp.Header.Get("Location"); resp.StatusCode == 303 && at != "./" {
			t.Errorf("a log-in for %q leads to %q", to, at)
		}
		if resp.StatusCode == 429 {
			n = face(t, roles)
		}
	}
}

// Without tokens, a change still needs a session, which a foreign page cannot have.
func TestOpenServerAsksForASession(t *testing.T) {
	n := face(t, server.Access{Page: access.Operate})
	if resp, text := ask(t, "POST", n.url+"/deliveries", ""); resp.StatusCode != 403 {
		t.Errorf("a change without a session: %d %s", resp.StatusCode, text)
	}
	if resp, text := ask(t, "POST", n.url+"/v1/deliveries", ""); resp.StatusCode != 403 {
		t.Errorf("a call without a session: %d %s", resp.StatusCode, text)
	}
	resp, _ := ask(t, "GET", n.url+"/", "")
	if len(resp.Cookies()) != 1 {
		t.Fatalf("cookies: %v", resp.Cookies())
	}
	cookie := "Cookie: " + resp.Cookies()[0].Name + "=" + resp.Cookies()[0].Value
	if resp, text := ask(t, "POST", n.url+"/deliveries", "", cookie); resp.StatusCode != 200 {
		t.Errorf("with a session: %d %s", resp.StatusCode, text)
	}
	n.SetAccess(roles)
	if resp, _ := ask(t, "GET", n.url+"/deliveries", "", cookie); resp.StatusCode != 401 {
		t.Errorf("a session without a token outlives the open server: %d", resp.StatusCode)
	}
}

// A foreign page may resolve its own name to this server, so each request must use one of the server's names.
func TestHostMustBeKnown(t *testing.T) {
	for name, a := range map[string]server.Access{"open": {Page: access.Operate, Hosts: []string{"hooks.test"}}, "tokens": roles} {
		n := face(t, a)
		for _, path := range []string{"/", "/events", "/assets/page.css", "/v1/webhooks", "/v1/events", "/login", "/metrics", "/healthz",
			"/none"} {
			for _, method := range []string{"GET", "POST", "OPTIONS"} {
				for _, host := range []string{"evil.test", "evil.test:8470", "localhost.evil.test", "127.0.0.1.evil.test", "hooks.test.",
					"xhooks.test"} {
					if resp, _ := ask(t, method, n.url+path, "", "Host: "+host); resp.StatusCode != 421 {
						t.Errorf("%s: %s %s for %s: %d", name, method, path, host, resp.StatusCode)
					}
				}
				for _, host := range []string{"localhost", "127.0.0.1:1", "[::1]:8470", "hooks.test", "HOOKS.test:443"} {
					if resp, _ := ask(t, method, n.url+path, "", "Host: "+host); resp.StatusCode == 421 {
						t.Errorf("%s: %s %s for %s is refused", name, method, path, host)
					}
				}
			}
		}
	}
}

func TestEachAnswerKeepsBrowsersOut(t *testing.T) {
	n := face(t, roles)
	for _, path := range []string{"/", "/login", "/v1/webhooks", "/healthz", "/readyz", "/none"} {
		resp, _ := ask(t, "GET", n.url+path, "")
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
			"Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := resp.Header.Get(name); !strings.HasPrefix(got, want) || strings.Contains(got, "unsafe") {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}
