package page_test

import (
	"net/http"
	"strings"
	"testing"
)

// A draft of the API may have as many bytes as documented, with a module in base64: the server does not stop before.
func TestDraftsHaveTheirDocumentedSize(t *testing.T) {
	s := open(t, standard, "")
	const most = 32 << 20 // docs/serve.md and openapi.yaml
	for _, size := range []int{most, most + 1} {
		body := `{"identity":"/etc/awf-hook.yaml#chat","module":"`
		body += strings.Repeat("A", (size-len(body)-2)/4*4)
		body += `"}` + strings.Repeat(" ", size-len(body)-2)
		resp, text := s.ask(t, http.MethodPost, "/v1/try", operateToken, body, "Content-Type: application/json")
		if isOver := strings.Contains(text, "the body: over 33554432 bytes"); isOver != (size > most) || isOver != (resp.StatusCode == 400) {
			t.Errorf("%d bytes: %d %.200s", size, resp.StatusCode, text)
		}
	}
}

// The page and the API refuse the same change with the same status: 400 if it makes no sense, 404 if it names what does not exist,
// and 409 if the queue does not allow it now.
func TestPageAndAPIRefuseAlike(t *testing.T) {
	s := open(t, standard, "")
	s.dieOne(t, failed("run-1"), 3)
	const chat = "%2Fetc%2Fawf-hook.yaml%23chat"
	for _, tt := range []struct {
		page, form string // without a form the page is only looked at
		api, body  string
		status     int
		has        string
	}{
		{"/plan?what=burn", "", "/v1/plan?what=burn", "", 400, "want replay or delete"},
		{"/plan?what=replay&state=due", "", "/v1/plan?what=replay&state=due", "", 400, "want dead or delivered"},
		{"/plan?what=delete", "", "/v1/plan?what=delete", "", 400, "name the state"},
		{"/plan?what=delete&state=in_flight", "", "/v1/plan?what=delete&state=in_flight", "", 400, "in flight"},
		{"/plan?what=replay&pace=10001", "", "/v1/plan?what=replay&pace=10001", "", 400, "pace: want 1 to 10000"},
		{"/plan?what=replay&pace=-1", "", "/v1/plan?what=replay&pace=-1", "", 400, "pace: want a number"},
		{"/plan?what=replay&limit=1", "", "/v1/plan?what=replay&limit=1", "", 400, "limit"},
		{"/plan?what=replay&id=msg_", "", "/v1/plan?what=replay&id=msg_", "", 400, "whole id"},
		{"/plan?what=replay&webhook=archiv", "", "/v1/plan?what=replay&webhook=archiv", "", 404, "did you mean archive?"},
		{"/plan", "what=delete&filter=state%3Ddead&count=3&retransform=1",
			"/v1/bulks", `{"what":"delete","filter":{"state":"dead"},"count":3,"retransform":true}`, 400, "retransform"},
		{"/plan", "what=replay&filter=&count=4", "/v1/bulks", `{"what":"replay","filter":{},"count":4}`, 409, "look at the plan again"},
		{"/plan", "what=replay&filter=state%3Ddelivered&count=0",
			"/v1/bulks", `{"what":"replay","filter":{"state":"delivered"},"count":0}`, 409, "nothing left"},
		{"/webhook", "action=pause&for=25h&id=" + chat, "/v1/webhooks/pause", `{"webhook":"chat","rest":"25h"}`, 400, "24h"},
		{"/webhook", "action=pause&for=-1h&id=" + chat, "/v1/webhooks/pause", `{"webhook":"chat","rest":"-1h"}`, 400, "24h"},
		{"/webhook", "action=pause&for=soon&id=" + chat, "/v1/webhooks/pause", `{"webhook":"chat","rest":"soon"}`, 400, "24h"},
		{"/webhook", "action=enable&id=chta", "/v1/webhooks/enable", `{"webhook":"chta"}`, 404, "did you mean chat?"},
		{"/deliveries/msg_", "", "/v1/deliveries/msg_", "", 409, "3 deliveries"},
		{"/deliveries/msg_0", "", "/v1/deliveries/msg_0", "", 404, "no such delivery"},
	} {
		method := http.MethodGet
		if tt.body != "" {
			method = http.MethodPost
		}
		onPage, shown := s.ask(t, method, tt.page, operateToken, tt.form)
		byAPI, answer := s.ask(t, method, tt.api, operateToken, tt.body, "Content-Type: application/json")
		if onPage.StatusCode != tt.status || !strings.Contains(shown, tt.has) {
			t.Errorf("%s %s: %d without %q, want %d\n%s", tt.page, tt.form, onPage.StatusCode, tt.has, tt.status, shown)
		}
		if byAPI.StatusCode != tt.status || !strings.Contains(answer, tt.has) {
			t.Errorf("%s %s: %d %s, want %d with %q", tt.api, tt.body, byAPI.StatusCode, answer, tt.status, tt.has)
		}
	}
}
