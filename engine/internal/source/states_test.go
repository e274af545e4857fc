package source

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// AWF rewrites a state file several times within one tick of the file system's clock. Its size and time then say nothing: what was
// read between two writes is not the state.
func TestStateThatIsRewrittenWithinATick(t *testing.T) {
	const whole = `{"WorkflowID":"r","Status":"running","States":{"a":{"Status":"completed","Attempt":1,"TokensUsed":12}}}`
	path := filepath.Join(t.TempDir(), "states", "r.json")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"half written": whole[:40] + strings.Repeat(" ", len(whole)-40),
		"another":      strings.Replace(whole, "12", "34", 1),
	} {
		for _, changed := range []time.Time{time.Now(), time.Now().Add(time.Hour)} { // by this clock, or by another one
			s := newStates(filepath.Dir(filepath.Dir(path)))
			var got *event.RunState
			for _, text := range []string{text, whole} {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(path, changed, changed); err != nil {
					t.Fatal(err)
				}
				got = s.of("r")
			}
			if want := event.DecodeRunState([]byte(whole), "r"); !reflect.DeepEqual(got, want) {
				t.Errorf("%s first: got %+v, want %+v", name, got, want)
			}
		}
	}
}
