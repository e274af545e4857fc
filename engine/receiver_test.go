package engine_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/awf-project/awf-hook/engine/event"
)

// noting is a receiver that records requests and answers them.
type noting struct {
	status int

	mu       sync.Mutex
	requests []string // method and URL
}

func (n *noting) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests = append(n.requests, r.Method+" "+r.URL.String())
	return &http.Response{StatusCode: n.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

// A format chooses the method and the address of its requests.
func TestFormatsChooseMethodAndAddress(t *testing.T) {
	for _, tt := range []struct {
		keys   []string
		status int
		want   []string // beginnings of the requests for a failure and for the next success
	}{
		{[]string{"transform: {format: matrix, with: {room: '!awf:example.org'}}"}, 200, []string{
			"PUT https://one.test/hook/_matrix/client/v3/rooms/%21awf:example.org/send/m.room.message/awf-",
			"PUT https://one.test/hook/_matrix/client/v3/rooms/%21awf:example.org/send/m.room.message/awf-",
		}},
		{[]string{"transform: {format: opsgenie}"}, 202, []string{
			"POST https://one.test/hook", "POST https://one.test/hook/awf%2Fdeploy/close?identifierType=alias",
		}},
		{[]string{"transform: {format: github-status, with: {sha: '0123456789012345678901234567890123456789'}}"}, 201, []string{
			"POST https://one.test/hook/0123456789012345678901234567890123456789",
			"POST https://one.test/hook/0123456789012345678901234567890123456789",
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			receiver := &noting{status: tt.status}
			e := open(t, receiver, oneHook(append(tt.keys, "rate: 1000/s")...))
			run(t, e)
			for _, typ := range []string{event.WorkflowError, event.WorkflowEnd} {
				ev := newEvent("")
				ev.Type, ev.WorkflowName = typ, "deploy"
				ev.Payload = []byte("{}")
				submit(t, e, ev)
			}
			drain(t, e)
			if !slices.EqualFunc(receiver.requests, tt.want, strings.HasPrefix) {
				t.Errorf("requests %q, want %q", receiver.requests, tt.want)
			}
		})
	}
}
