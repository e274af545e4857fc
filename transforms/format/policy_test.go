package format_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/transforms/format"
)

// answers has answers as the receivers give them, and what must follow. The general rules decide about an answer without a verdict: 2xx is
// delivered, 408, 425, 429 and 5xx are tried again, and the rest is dead.
var answers = []struct {
	format, path string // the webhook's path
	status       int
	body         string
	want         string
}{
	{"slack", "/services/T/B/X", 200, "ok", "delivered"},
	{"slack", "/services/T/B/X", 200, `{"ok":true}`, "delivered"},
	{"slack", "/services/T/B/X", 200, "<html>Sign in to the Wi-Fi</html>", "retry: a web page instead of slack's answer"},
	{"slack", "/services/T/B/X", 400, "invalid_payload", "dead: invalid_payload"},
	{"slack", "/services/T/B/X", 400, "invalid_blocks", "dead: invalid_blocks"},
	{"slack", "/services/T/B/X", 403, "action_prohibited", "dead: action_prohibited"},
	{"slack", "/services/T/B/X", 403, "invalid_token", "dead, gone: invalid_token"},
	{"slack", "/services/T/B/X", 404, "channel_not_found", "dead: channel_not_found"},
	{"slack", "/services/T/B/X", 404, "no_service", "dead, gone: no_service"},
	{"slack", "/services/T/B/X", 410, "channel_is_archived", "dead, gone: channel_is_archived"},
	{"slack", "/services/T/B/X", 429, `{"retry_after":7,"ok":false,"error":"rate_limited"}`, "retry after 7s: rate_limited"},
	{"slack", "/services/T/B/X", 500, "rollup_error", ""},
	{"slack", "/services/T/B/X", 400, "no such token xoxb-1234-abcd", ""}, // this is not the name of an error, and may repeat a secret

	{"pagerduty", "/v2/enqueue", 202, `{"status":"success","message":"Event processed","dedup_key":"awf/deploy"}`, "delivered"},
	{"pagerduty", "/v2/enqueue", 400,
		`{"status":"invalid event","message":"Event object is invalid","errors":["'payload.severity' is invalid"]}`,
		"dead: Event object is invalid 'payload.severity' is invalid"},
	{"pagerduty", "/v2/enqueue", 429, `{"status":"throttle exceeded","message":"Requests for this service are arriving too quickly."}`,
		"retry after 30s: Requests for this service are arriving too quickly."},
	{"pagerduty", "/v2/enqueue", 429, `{"message":"slow down","":7}`, "retry after 30s: slow down"}, // a member without a name says nothing
	{"pagerduty", "/v2/enqueue", 500, "", ""},

	{"discord", "/api/webhooks/1/x", 200, `{"id":"1","type":0}`, "delivered"},
	{"discord", "/api/webhooks/1/x", 204, "", "delivered"},
	{"discord", "/api/webhooks/1/x", 400, `{"message":"Cannot send an empty message","code":50006}`, "dead: Cannot send an empty message"},
	{"discord", "/api/webhooks/1/x", 401, `{"message":"401: Unauthorized","code":0}`, "dead, gone: 401: Unauthorized"},
	{"discord", "/api/webhooks/1/x", 404, `{"message":"Unknown Webhook","code":10015}`, "dead, gone: Unknown Webhook"},
	{"discord", "/api/webhooks/1/x", 404, `{"message":"Unknown Channel","code":10003}`, "dead: Unknown Channel"},
	{"discord", "/api/webhooks/1/x", 429, `{"message":"You are being rate limited.","retry_after":0.65,"global":false}`,
		"retry after 650ms: You are being rate limited."},
	{"discord", "/api/webhooks/1/x", 502, "<html>", ""},

	{"teams", "/triggers/x", 202, "", "delivered"},
	{"teams", "/triggers/x", 200, "1", "delivered"},
	{"teams", "/triggers/x", 200,
		"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x",
		"retry: delivery failed with HTTP error 429"},
	{"teams", "/triggers/x", 200,
		"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with ContextId x",
		"dead: delivery failed with HTTP error 413"},
	{"teams", "/triggers/x", 400, `{"error":{"code":"InvalidRequest","message":"no body"}}`, "dead: InvalidRequest no body"},
	{"teams", "/triggers/x", 429, `{"error":{"code":"TooManyRequests","message":"x"}}`, "retry: TooManyRequests x"},
	{"teams", "/triggers/x", 413, "Request Entity too large", ""},

	{"googlechat", "/v1/spaces/S/messages?key=k&token=t", 200, `{"name":"spaces/S/messages/M"}`, "delivered"},
	{"googlechat", "/v1/spaces/S/messages?key=k&token=t", 400,
		`{"error":{"code":400,"message":"Invalid JSON payload","status":"INVALID_ARGUMENT"}}`, "dead: INVALID_ARGUMENT Invalid JSON payload"},
	{"googlechat", "/v1/spaces/S/messages?key=k&token=t", 404, `{"error":{"code":404,"message":"Space not found","status":"NOT_FOUND"}}`,
		"dead, gone: NOT_FOUND Space not found"},
	{"googlechat", "/v1/spaces/S/messages?key=k&token=t", 429,
		`{"error":{"code":429,"message":"Resource has been exhausted","status":"RESOURCE_EXHAUSTED"}}`,
		"retry: RESOURCE_EXHAUSTED Resource has been exhausted"},
	{"googlechat", "/v1/spaces/S/messages?key=k&token=t", 503, "", ""},

	{"telegram", "/bot1:x", 200, `{"ok":true,"result":{"message_id":1}}`, "delivered"},
	{"telegram", "/bot1:x", 200, `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`,
		"dead: Bad Request: chat not found"},
	{"telegram", "/bot1:x", 200, "<html>", "retry: a web page instead of telegram's answer"},
	{"telegram", "/bot1:x", 429,
		`{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}`,
		"retry after 35s: Too Many Requests: retry after 35"},
	{"telegram", "/bot1:x", 400,
		`{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat",` +
			`"parameters":{"migrate_to_chat_id":-1009876543210}}`,
		"dead: the group has become the chat -1009876543210: set chat_id"},
	{"telegram", "/bot1:x", 401, `{"ok":false,"error_code":401,"description":"Unauthorized"}`, "dead, gone: Unauthorized"},
	{"telegram", "/bot1:x", 403, `{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked from the group chat"}`,
		"dead, gone: Forbidden: bot was kicked from the group chat"},
	{"telegram", "/bot1:x", 404, `{"ok":false,"error_code":404,"description":"Not Found"}`, "dead, gone: Not Found"},
	{"telegram", "/bot1:x", 502, `{"ok":false,"error_code":502,"description":"Bad Gateway"}`, ""},

	{"ntfy", "/", 200, `{"id":"x","event":"message"}`, "delivered"},
	{"ntfy", "/", 400, `{"code":40024,"http":400,"error":"invalid request: topic name is not allowed"}`,
		"dead: invalid request: topic name is not allowed"},
	{"ntfy", "/", 403, `{"code":40301,"http":403,"error":"forbidden"}`, "dead: forbidden"},
	{"ntfy", "/", 429, `{"code":42901,"http":429,"error":"limit reached: too many requests"}`,
		"retry after 5s: limit reached: too many requests"},
	{"ntfy", "/", 429, `{"code":42908,"http":429,"error":"limit reached: daily message quota reached"}`,
		"retry after 1h0m0s: limit reached: daily message quota reached"},
	{"ntfy", "/", 500, "", ""},

	{"mattermost", "/hooks/x", 200, "ok", "delivered"},
	{"mattermost", "/hooks/x", 400,
		`{"id":"web.incoming_webhook.parse.app_error","message":"Unable to parse incoming data.","status_code":400}`,
		"dead: Unable to parse incoming data."},
	{"mattermost", "/hooks/x", 429, "limit exceeded", "retry"},
	{"rocketchat", "/hooks/1/x", 200, `{"success":true}`, "delivered"},
	{"rocketchat", "/hooks/1/x", 200, `{"success":false,"error":"no channel"}`, "dead: no channel"},
	{"rocketchat", "/hooks/1/x", 400, `{"success":false,"error":"invalid-channel"}`, "dead: invalid-channel"},
	{"zulip", "/api/v1/messages", 200, `{"result":"success","msg":"","id":42}`, "delivered"},
	{"zulip", "/api/v1/messages", 200, `{"result":"error","msg":"no such topic"}`, "dead: no such topic"},
	{"zulip", "/api/v1/messages", 400, `{"result":"error","msg":"Channel 'x' does not exist","code":"STREAM_DOES_NOT_EXIST"}`,
		"dead: Channel 'x' does not exist"},
	{"zulip", "/api/v1/messages", 429, `{"result":"error","msg":"API usage exceeded rate limit","retry-after":28.7,"code":"RATE_LIMIT_HIT"}`,
		"retry after 28.7s: API usage exceeded rate limit"},
	{"matrix", "/", 200, `{"event_id":"$x"}`, "delivered"},
	{"matrix", "/", 403, `{"errcode":"M_FORBIDDEN","error":"User not in room"}`, "dead: M_FORBIDDEN User not in room"},
	{"matrix", "/", 429, `{"errcode":"M_LIMIT_EXCEEDED","error":"Too Many Requests","retry_after_ms":2000}`,
		"retry after 2s: M_LIMIT_EXCEEDED Too Many Requests"},
	{"opsgenie", "/jsm/ops/integration/v2/alerts", 202, `{"result":"Request will be processed","took":0.1,"requestId":"x"}`, "delivered"},
	{"opsgenie", "/v2/alerts", 422, `{"message":"Request body is not processable.","errors":{"message":"may not be empty"}}`,
		"dead: Request body is not processable."},
	{"opsgenie", "/v2/alerts", 429, `{"message":"You are making too many requests!"}`, "retry: You are making too many requests!"},
	{"incidentio", "/v2/alert_events/http/x", 202, `{"status":"success","message":"Event accepted for processing"}`, "delivered"},
	{"incidentio", "/v2/alert_events/http/x", 422, `{"type":"validation_error","status":422,"message":"title is missing"}`,
		"dead: title is missing"},
	{"oncall", "/integrations/v1/formatted_webhook/x/", 200, "Ok.", "delivered"},
	{"oncall", "/integrations/v1/formatted_webhook/x/", 429, "", "retry"},
	{"datadog", "/api/v1/events", 202, `{"status":"ok"}`, "delivered"},
	{"datadog", "/api/v1/events", 403, `{"errors":["Forbidden"]}`, "dead: Forbidden"},
	{"splunk", "/services/collector/event", 200, `{"text":"Success","code":0}`, "delivered"},
	{"splunk", "/services/collector/event", 403, `{"text":"Invalid token","code":4}`, "dead: Invalid token"},
	{"splunk", "/services/collector/event", 503, `{"text":"Server is busy","code":9}`, ""},
	{"github-dispatch", "/repos/o/r/dispatches", 204, "", "delivered"},
	{"github-dispatch", "/repos/o/r/dispatches", 404, `{"message":"Not Found"}`, "dead: Not Found"},
	{"github-dispatch", "/repos/o/r/dispatches", 403, `{"message":"You have exceeded a secondary rate limit."}`,
		"retry after 1m0s: You have exceeded a secondary rate limit."},
	{"github-status", "/repos/o/r/statuses", 201, `{"state":"failure"}`, "delivered"},
	{"github-status", "/repos/o/r/statuses", 422, `{"message":"No commit found for SHA: 0123"}`, "dead: No commit found for SHA: 0123"},
	{"gitlab", "/api/v4/projects/1/trigger/pipeline", 201, `{"id":8}`, "delivered"},
	{"gitlab", "/api/v4/projects/1/trigger/pipeline", 400, `{"message":{"base":["Reference not found"]}}`, "dead: Reference not found"},
	{"awf", "/v1/events", 202, "", "delivered"},
	{"awf", "/v1/events", 503, "", ""},

	{"cloudevents", "/", 200, "", "delivered"},
	{"cloudevents", "/", 410, "", ""},
	{"cloudevents", "/", 429, "", "retry"},
}

// A server gives the answers of the real receivers. It gets each message at the receiver's address, and the format understands the answer.
func TestPolicies(t *testing.T) {
	var request *http.Request
	status, body := 0, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request = r
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	for _, a := range answers {
		t.Run(fmt.Sprintf("%s %d %.20s", a.format, a.status, a.body), func(t *testing.T) {
			status, body = a.status, a.body
			f := open(t, a.format, with(a.format)...)
			c := content(t, f, ordinary())
			target := join(t, server.URL+a.path, c.URLSuffix)
			if wrong := f.Receiver.Policy.CheckURL(must(t, server.URL+a.path)); wrong != "" {
				t.Errorf("the URL %s is refused: %s", a.path, wrong)
			}
			asked, err := http.NewRequest(f.Receiver.Policy.Method, target, bytes.NewReader(c.Body))
			if err != nil {
				t.Fatal(err)
			}
			res, err := http.DefaultClient.Do(asked)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			answer, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			v := f.Judge(delivery.Answer{Status: res.StatusCode, Header: res.Header, Body: answer})
			if got := verdict(a.status, v); got != a.want {
				t.Errorf("the answer means %q, want %q", got, a.want)
			}
			checkAddress(t, a.format, request.URL)
		})
	}
}

// checkAddress checks that a request has the URL that its receiver wants.
func checkAddress(t *testing.T, name string, u *url.URL) {
	t.Helper()
	q := u.Query()
	good := map[string]bool{
		"telegram":      u.Path == "/bot1:x/sendMessage",
		"discord":       q.Get("wait") == "true",
		"matrix":        strings.HasPrefix(u.EscapedPath(), "/_matrix/client/v3/rooms/"),
		"github-status": strings.HasSuffix(u.Path, "/statuses/"+strings.Repeat("0123456789", 4)),
		"googlechat":    q.Get("key") == "k" && q.Get("token") == "t" && strings.HasPrefix(q.Get("requestId"), "awf-"),
	}
	if ok, has := good[name]; has && !ok {
		t.Errorf("%s got the request at the wrong URL %s", name, u)
	}
}

func must(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// join adds a content's suffix to a webhook's URL: its path to the path, its query to the query.
func join(t *testing.T, base, suffix string) string {
	t.Helper()
	u, s := must(t, base), must(t, suffix)
	u.RawPath = strings.TrimSuffix(u.EscapedPath(), "/") + s.EscapedPath()
	u.Path = strings.TrimSuffix(u.Path, "/") + s.Path
	if s.RawQuery != "" {
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+s.RawQuery, "&")
	}
	return u.String()
}

func verdict(status int, v delivery.Verdict) string {
	switch {
	case !v.Known && status < 300:
		return "delivered" // by the general rules
	case !v.Known:
		return ""
	}
	s := v.Outcome.String()
	if v.RetryAfter > 0 {
		s += fmt.Sprintf(" after %v", v.RetryAfter)
	}
	if v.Gone {
		s += ", gone"
	}
	if v.Reason != "" {
		s += ": " + v.Reason
	}
	return s
}

// Whatever a receiver answers, the reason of the verdict is one line of bounded length, and the pause is at most a day.
func TestPoliciesTameAnswers(t *testing.T) {
	for _, name := range format.Names() {
		f := open(t, name, with(name)...)
		for _, status := range []int{100, 200, 202, 204, 301, 400, 401, 403, 404, 410, 413, 415, 429, 500, 503, 599} {
			for _, body := range []string{
				"", "null", "[]", `"x"`, strings.Repeat("x", 16<<10), `{"message":"a\u0000\nb` + strings.Repeat("é",
					5000) + `","retry_after":1e300,"parameters":{"retry_after":-5},"ok":true,"error":"` + strings.Repeat("y", 9999) + `"}`,
				`{"retry_after":"soon","error":{"code":7},"description":5}`,
			} {
				v := f.Judge(delivery.Answer{Status: status, Body: []byte(body)})
				if len(v.Reason) > 200 || strings.ContainsAny(v.Reason, "\n\x00") || v.RetryAfter < 0 || v.RetryAfter > 24*time.Hour {
					t.Errorf("%s %d %.40q: %+v, want a short reason in one line, and a pause of a day at most", name, status, body, v)
				}
				if status >= 300 && v.Known && v.Outcome == delivery.Delivered {
					t.Errorf("%s: an answer with status %d counts as delivered", name, status)
				}
			}
		}
	}
}

// If a chat shuts a bot out, its webhook stays open if it sends to more than one chat.
func TestTelegramChatsOfExpressionsDoNotClose(t *testing.T) {
	f := open(t, "telegram", format.Option{Name: "chat_id", Value: `=payload.chat ?? "-1001234567890"`})
	v := f.Judge(delivery.Answer{Status: 403, Body: []byte(`{"ok":false,"error_code":403,"description":"Forbidden"}`)})
	if v.Outcome != delivery.Dead || v.Gone {
		t.Errorf("%+v, want dead and not gone", v)
	}
}

func TestURLsThatReceiversRefuse(t *testing.T) {
	for _, tt := range []struct{ format, url, want string }{
		{"pagerduty", "https://events.pagerduty.com/v2/change/enqueue", "PagerDuty's path is /v2/enqueue"},
		{"pagerduty", "https://events.eu.pagerduty.com/v2/enqueue", ""},
		{"discord", "https://discord.com/api/webhooks/1/x/slack", "want Discord's own webhook, without /slack or /github"},
		{"telegram", "https://api.telegram.org/bot1:x/sendMessage", "Telegram's path is /bot and the bot's token; the method is added to it"},
		{"telegram", "https://api.telegram.org/bot1:x", ""},
		{"ntfy", "https://ntfy.sh/topic", "want ntfy's root: the topic is an option"},
		{"ntfy", "https://ntfy.sh", ""},
		{"slack", "https://hooks.slack.com/services/T/B/X", ""},
		{"slack", "https://hooks.slack.com/triggers/T/1/x", "Slack's path begins with /services/"},
		{"slack", "https://slack.com/api/chat.postMessage", ""},
		{"googlechat", "https://chat.googleapis.com/v2/x", "Google Chat's path begins with /v1/spaces/"},
		{"googlechat", "https://chat.googleapis.com/v1/spaces/A/messages?key=k", ""},
		{"datadog", "https://api.us5.datadoghq.com/api/v2/events", "Datadog's path begins with /api/v1/events"},
		{"datadog", "https://api.datadoghq.eu/api/v1/events", ""},
		{"splunk", "https://splunk:8088/services/collector/raw",
			"want the collector's path for events, /services/collector/event: the path for raw data keeps the envelope as text"},
		{"splunk", "https://splunk:8088/services/collector", ""},
		{"github-dispatch", "https://api.github.com/repos/a/b", "GitHub's path ends with /dispatches"},
	} {
		kind, _ := format.Lookup(tt.format)
		if got := kind.Policy.CheckURL(must(t, tt.url)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.url, got, tt.want)
		}
	}
}
