package event_test

import (
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// The column of a mistake counts the bytes of the line, even behind bytes that are not UTF-8.
func TestColumnBehindInvalidBytes(t *testing.T) {
	for _, before := range []string{"", "é", "\xff", "\xff\xff\xff", "\xff\xff\xff\xff\xff", "\xffa\xff", "\xe2\x82", "\uFFFD\xff"} {
		for _, prefix := range []string{"", "data: "} {
			line := prefix + `{"kind":"` + before + `","event":"e","run_id":"r","workflow_id":"w" x}`
			_, err := event.ParseLine([]byte(line), time.Now())
			if err == nil {
				t.Fatalf("ParseLine(%q) = no error, want one", line)
			}
			if got, want := event.Column([]byte(line), err), strings.Index(line, "x}")+1; got != want {
				t.Errorf("%q: column %d, want %d: %v", line, got, want, err)
			}
		}
	}
}
