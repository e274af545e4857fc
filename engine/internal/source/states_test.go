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

// A file that just changed is read again, but not decoded again as long as it says the same: its reader may ask for it at each line.
func TestStateIsDecodedOnce(t *testing.T) {
	const text = `{"WorkflowID":"r","Status":"running","States":{}}`
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "states"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "states", "r.json")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	s := newStates(dir)
	first := s.of("r")
	for range 3 {
		write(text)
		if again := s.of("r"); again == nil || again != first {
			t.Errorf("a state that says the same is %p, want %p", again, first)
		}
	}
	write(strings.Replace(text, "running", "failed!", 1))
	if changed := s.of("r"); changed == first || reflect.DeepEqual(changed, first) {
		t.Errorf("another state is %+v", changed)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if gone := s.of("r"); gone != event.Unwritten {
		t.Errorf("a state that is gone is %+v", gone)
	}
}
