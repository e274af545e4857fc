package format_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/PagerDuty/go-pagerduty"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// go-pagerduty knows every member; what its type does not say is of the Events API's OpenAPI document and guide.
func TestPagerDuty(t *testing.T) {
	each(t, "pagerduty", func(c delivery.Content) error {
		var e pagerduty.V2Event
		if err := strict(c.Body, &e); err != nil {
			return err
		}
		switch {
		case len(e.RoutingKey) != 32:
			return errors.New("routing_key")
		case !slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.Action):
			return fmt.Errorf("event_action %q", e.Action)
		case utf8.RuneCountInString(e.DedupKey) > 255:
			return errors.New("dedup_key is too long")
		case e.Action != "trigger":
			if e.DedupKey == "" {
				return errors.New("no dedup_key")
			}
			return nil
		case e.Payload == nil:
			return errors.New("no payload")
		case len(c.Body) > 512_000:
			return fmt.Errorf("%d bytes", len(c.Body))
		}
		p := e.Payload
		if p.Summary == "" || p.Source == "" || utf8.RuneCountInString(p.Summary) > 1024 ||
			!slices.Contains([]string{"critical", "error", "warning", "info"}, p.Severity) {
			return fmt.Errorf("payload %+v", p)
		}
		if _, err := time.Parse(time.RFC3339, p.Timestamp); err != nil {
			return err
		}
		for _, link := range e.Links {
			if href, _ := link.(map[string]any)["href"].(string); !strings.HasPrefix(href, "http") {
				return fmt.Errorf("link %v", link)
			}
		}
		return nil
	})
}
