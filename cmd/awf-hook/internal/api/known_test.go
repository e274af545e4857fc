package api_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// A call that names a webhook or a delivery that does not exist says so, and not that nothing matched or changed.
func TestCallsOfWhatDoesNotExist(t *testing.T) {
	q := fill(t)
	all, err := q.local.List(t.Context(), engine.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	const none, file = "msg_aaaaaaaaaaaaaaaaaaaaaaaaaa", "/etc/awf-hook.yaml#"
	const near = `no webhook is called bda: did you mean bad?`
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/v1/webhooks/enable", `{"webhook":"bda"}`, 404, near},
		{"POST", "/v1/webhooks/disable", `{"webhook":"bda"}`, 404, near},
		{"POST", "/v1/webhooks/pause", `{"webhook":"bda","rest":"5m"}`, 404, near},
		{"POST", "/v1/webhooks/enable", `{"webhook":"` + file + `bda"}`, 404, "did you mean " + file + "bad?"},
		{"POST", "/v1/webhooks/enable", `{"webhook":"/old.yaml#bad"}`, 404, "did you mean " + file + "bad?"},
		{"POST", "/v1/webhooks/disable", `{"webhook":"nobody"}`, 404, "no webhook is called nobody: want one of away, bad, good, quiet"},
		{"POST", "/v1/webhooks/disable", `{"webhook":"quiet"}`, 404, "quiet has had no delivery yet"},
		{"POST", "/v1/webhooks/enable", `{"webhook":"` + file + `quiet"}`, 404, "has had no delivery yet"},
		{"POST", "/v1/webhooks/pause", `{"webhook":"quiet","rest":"5m"}`, 404, "quiet has had no delivery yet"},
		{"POST", "/v1/deliveries/move", `{"from":"` + file + `bda","to":"good"}`, 404,
			"from: no webhook is called " + file + "bda: did you mean " + file + "bad?"},
		{"POST", "/v1/deliveries/move", `{"from":"bad","to":"godo"}`, 404, "to: no webhook is called godo: did you mean good?"},
		{"POST", "/v1/deliveries/move", `{"from":"bad","to":"/new.yaml#bad"}`, 404, "to: no webhook is called /new.yaml#bad"},
		{"POST", "/v1/deliveries/move", `{"from":"quiet","to":"good"}`, 404, "from: no webhook is called quiet"}, // it has nothing to move
		{"POST", "/v1/deliveries/move", `{"from":"bad","to":"` + file + `bad"}`, 400, "from and to are the same webhook"},
		{"POST", "/v1/deliveries/replay", `{"filter":{"webhook":"bda"}}`, 404, near},
		{"POST", "/v1/deliveries/delete", `{"filter":{"webhook":"bda","state":"dead"}}`, 404, near},
		{"POST", "/v1/deliveries/delete", `{"filter":{"id":"` + none + `"}}`, 404, none + ": no such delivery"},
		{"POST", "/v1/deliveries/replay", `{"filter":{"id":"` + none + `"}}`, 404, none + ": no such delivery"},
		{"GET", "/v1/deliveries?webhook=bda", "", 404, near},
		{"GET", "/v1/deliveries?webhook=bda&state=dead&limit=1", "", 404, near},
		{"GET", "/v1/count?webhook=bda", "", 404, near},
		{"GET", "/v1/groups?webhook=bda", "", 404, near},
		// What the configuration or the queue knows is not an error.
		{"GET", "/v1/deliveries?webhook=quiet", "", 200, `{"deliveries":[]}`},
		{"GET", "/v1/count?webhook=" + url.QueryEscape(file+"quiet"), "", 200, `"count":0`},
		{"GET", "/v1/groups?webhook=quiet", "", 200, `"groups":`},
		{"GET", "/v1/count?webhook=away", "", 200, `"count":1`},
		{"POST", "/v1/deliveries/replay", `{"filter":{"id":"` + all[0].ID + `"}}`, 200, `{"count":0}`}, // it waits already
		{"POST", "/v1/deliveries/move", `{"from":"bad","to":"quiet"}`, 200, `{"count":3}`},
	} {
		if status, got := q.call(t, tt.method, tt.path, tt.body); status != tt.status || !strings.Contains(got, tt.want) {
			t.Errorf("%s %s %s: %d %s, want %d with %s", tt.method, tt.path, tt.body, status, got, tt.status, tt.want)
		}
	}
}

// A queue may hold deliveries of webhooks that left the configuration.
func TestWebhooksThatLeftTheConfigurationAreKnown(t *testing.T) {
	q := fill(t)
	q.config.Webhooks = nil
	for _, call := range []struct{ method, path, body string }{
		{"GET", "/v1/deliveries?webhook=bad", ""}, {"GET", "/v1/count?webhook=bad", ""}, {"POST", "/v1/webhooks/disable", `{"webhook":"bad"}`},
		{"POST", "/v1/deliveries/move", `{"from":"bad","to":"away"}`},
	} {
		if status, got := q.call(t, call.method, call.path, call.body); status != http.StatusOK {
			t.Errorf("%s %s %s: %d %s", call.method, call.path, call.body, status, got)
		}
	}
}

// A page that ends with the last delivery names no next one.
func TestLastPageNamesNoNext(t *testing.T) {
	q := fill(t)
	for path, want := range map[string]bool{
		"/v1/deliveries?limit=4":            true,
		"/v1/deliveries?limit=5":            false,
		"/v1/deliveries?limit=3&state=dead": false,
		"/v1/deliveries?limit=2&state=dead": true,
	} {
		if _, got := q.call(t, "GET", path, ""); strings.Contains(got, `"before":`) != want {
			t.Errorf("%s: %s, want a next page: %v", path, got, want)
		}
	}
}

// Two webhooks of one name are not mistaken for each other.
func TestMoveWantsOneWebhook(t *testing.T) {
	q := fill(t)
	q.config.Webhooks = append(q.config.Webhooks, config.Webhook{Name: "good", Identity: "/other.yaml#good"})
	status, got := q.call(t, "POST", "/v1/deliveries/move", `{"from":"bad","to":"good"}`)
	const want = "good is the name of 2 webhooks: want one of /etc/awf-hook.yaml#good, /other.yaml#good"
	if status != http.StatusBadRequest || !strings.Contains(got, want) {
		t.Errorf("%d %s", status, got)
	}
}

// A name means all webhooks that have it. The answer to a change says which of them it did not reach, on a server, too.
func TestChangeSaysWhichWebhooksItDidNotReach(t *testing.T) {
	q := fill(t)
	const other = "/src/app/.awf/settings.yaml#good"
	q.config.Webhooks = append(q.config.Webhooks, config.Webhook{Name: "good", Identity: other, Enabled: true})
	ctx := context.Background()
	for _, of := range []api.Queue{q.local, q.client} {
		for _, change := range []struct {
			do   func(webhook string) (api.LaneAnswer, error)
			want []string
		}{
			{func(webhook string) (api.LaneAnswer, error) { return of.Disable(ctx, webhook, "") }, []string{other}},
			{func(webhook string) (api.LaneAnswer, error) { return of.Pause(ctx, webhook, time.Minute, "") }, []string{other}},
			{func(webhook string) (api.LaneAnswer, error) { return of.Enable(ctx, webhook) }, nil},
		} {
			answer, err := change.do("good")
			if err != nil || answer.Count != 1 || !slices.Equal(answer.Unreached, change.want) {
				t.Errorf("%T: %+v, %v, want 1 and %v", of, answer, err, change.want)
			}
			if answer, err := change.do("/etc/awf-hook.yaml#good"); err != nil || answer.Unreached != nil {
				t.Errorf("%T: %+v, %v of an identity, want no other webhook", of, answer, err)
			}
		}
	}
	q.local.Broken = true
	if answer, err := q.local.Disable(ctx, "good", ""); err != nil || answer.Unreached != nil {
		t.Errorf("%+v, %v with a broken configuration, which must not show", answer, err)
	}
}
