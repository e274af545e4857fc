package storetest

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// hostileEvents: values that a column of a database has no room for, each beside an ordinary event in the same batch.
func hostileEvents(t *testing.T, q *queue) {
	long := strings.Repeat("x", 1<<20) // no index of PostgreSQL takes 2,705 bytes
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for name, change := range map[string]func(*delivery.Entry){
		"a long id":                 func(e *delivery.Entry) { e.Event.ID = long },
		"a long type":               func(e *delivery.Entry) { e.Event.Type = long },
		"a long run":                func(e *delivery.Entry) { e.Event.WorkflowID = long },
		"a long workflow":           func(e *delivery.Entry) { e.Event.WorkflowName = long },
		"a long key":                func(e *delivery.Entry) { e.Wants[0].OrderKey = long },
		"a long source":             func(e *delivery.Entry) { e.Event.Source = long },
		"a NUL in the payload":      func(e *delivery.Entry) { e.Event.Payload = []byte("{\"a\":\"\x00\"}") },
		"an escaped NUL":            func(e *delivery.Entry) { e.Event.Payload = []byte(`{"a\u0000":"\u0000"}`) },
		"a lone surrogate":          func(e *delivery.Entry) { e.Event.Payload = []byte(`{"\ud800":"\udc00\ud800"}`) },
		"bytes that are no UTF-8":   func(e *delivery.Entry) { e.Event.Payload = []byte("{\"a\":\"\xff\xc0\xaf\"}") },
		"a number beyond int8":      func(e *delivery.Entry) { e.Event.Payload = []byte(`{"n":99999999999999999999999999999999,"x":1e999}`) },
		"a deep payload":            func(e *delivery.Entry) { e.Event.Payload = []byte(deep) },
		"no payload":                func(e *delivery.Entry) { e.Event.Payload = nil },
		"an empty type":             func(e *delivery.Entry) { e.Event.Type = "" },
		"the year 9999":             func(e *delivery.Entry) { e.Event.Timestamp = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC) },
		"the year 0":                func(e *delivery.Entry) { e.Event.Timestamp = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) },
		"no time":                   func(e *delivery.Entry) { e.Event.Timestamp = time.Time{} },
		"a lease of a century":      func(e *delivery.Entry) { e.Wants[0].Take = 100 * 365 * 24 * time.Hour },
		"a past before Christ":      func(e *delivery.Entry) { e.Wants[0].Past = oddPast(time.Date(-100, 1, 1, 0, 0, 0, 0, time.UTC)) },
		"a past before 1970":        func(e *delivery.Entry) { e.Wants[0].Past = oddPast(time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)) },
		"a past in the far future":  func(e *delivery.Entry) { e.Wants[0].Past = oddPast(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)) },
		"a past that never waits":   func(e *delivery.Entry) { e.Wants[0].Past = &delivery.Past{State: delivery.Due, After: math.MaxInt64} },
		"a past of a hostile cause": func(e *delivery.Entry) { e.Wants[0].Past = oddPast(at(-5)); e.Wants[0].Past.Reason = "\x00\xff" + long },
	} {
		e, ordinary := entry(name, hook), entry("beside "+name, "two")
		change(e)
		id := e.Wants[0].DeliveryID(e.Event.ID)
		if err := q.Accept(q.set(at(0)), []*delivery.Entry{e, ordinary}); err != nil {
			t.Errorf("%s: Accept = %v", name, err)
			continue
		}
		if claims := claim(t, q, "two", at(1), 1); len(claims) != 1 || claims[0].Delivery.EventID != "beside "+name {
			t.Errorf("%s: the event beside it was not claimed", name)
		} else {
			settle(t, q, claims[0], delivery.Delivered, at(1), time.Time{})
		}
		d, err := q.Show(q.set(at(1)), id)
		if err != nil {
			t.Errorf("%s: Show = %v", name, err)
			continue
		}
		if string(d.Event.Payload) != string(e.Event.Payload) || d.Event.ID != e.Event.ID || d.Event.WorkflowName != e.Event.WorkflowName {
			t.Errorf("%s: shows %.80q %.80q", name, d.Event.ID, d.Event.Payload)
		}
		if string(d.Event.Body()) != string(e.Event.Body()) {
			t.Errorf("%s: the body is %.200s, want %.200s", name, d.Event.Body(), e.Event.Body())
		}
	}
	q.keep(t, at(2))
	for _, c := range claim(t, q, hook, at(3), 100) {
		settle(t, q, c, delivery.Delivered, at(3), time.Time{})
	}
}

// oddPast is the past of a delivery that was delivered at a time.
func oddPast(done time.Time) *delivery.Past {
	return &delivery.Past{State: delivery.IsDelivered, Accepted: done, Since: done, Done: done}
}
