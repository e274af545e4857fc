package delivery_test

import (
	"regexp"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// An id never changes: receivers and queues recognize deliveries by it.
func TestIDIsStable(t *testing.T) {
	const want = "msg_5pfak4ryftutrz5tfg6qqty6bv"
	if got := delivery.ID("event-1", "/etc/awf-hook.yaml#oncall"); got != want {
		t.Errorf("ID = %s, want %s", got, want)
	}
}

func TestIDTellsEventsAndWebhooksApart(t *testing.T) {
	form := regexp.MustCompile(`^msg_[a-z2-7]{26}$`)
	seen := map[string]bool{}
	for _, pair := range [][2]string{{"a", "b"}, {"ab", ""}, {"", "ab"}, {"a", "c"}, {"1:a", "b"}, {"1", ":ab"}, {"a.b", "c"}} {
		id := delivery.ID(pair[0], pair[1])
		if !form.MatchString(id) || seen[id] {
			t.Errorf("ID(%q) = %s, want a new one of the form %s", pair, id, form)
		}
		seen[id] = true
	}
}
