package format_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/awf-project/awf-hook/transforms/format/testdata/wild"
)

// wildEvents is how many generated events a test takes; "make formats" sets AWF_HOOK_WILD to 10,000.
func wildEvents(t testing.TB) uint64 {
	n, err := strconv.ParseUint(os.Getenv("AWF_HOOK_WILD"), 10, 64)
	if err != nil {
		return 300
	}
	return n
}

// Whatever an event and the options hold, every body is within the receiver's own limits, which stand here once more,
// and nothing in it is markup or a mention.
func TestWildEventsStayWithinTheLimits(t *testing.T) {
	for _, name := range format.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind, _ := format.Lookup(name)
			standard := open(t, name, with(name)...)
			for n := range wildEvents(t) {
				f := standard
				if n%2 == 1 {
					f = open(t, name, wild.Options(kind, n)...)
				}
				e := wild.Event(n)
				c := content(t, f, e)
				if c.Body == nil {
					continue
				}
				p := &proof{format: name}
				p.check(c)
				for _, fault := range p.faults {
					t.Errorf("event %d: %s\n%.2000s", n, fault, c.Body)
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}
