package lane

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// A problem that lasts is logged when it begins, when its reason changes and when it is over, and not with each try.
func TestTroubleIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	trouble := NewTrouble(slog.New(slog.NewTextHandler(&log, nil)))
	full, gone := errors.New("disk full"), errors.New("no such file")
	for _, err := range []error{nil, full, full, full, gone, gone, nil, nil, full} {
		trouble.Say("events cannot be stored", err)
	}
	trouble.Say("outcomes cannot be stored", full)
	var got []string
	for line := range strings.Lines(log.String()) {
		_, said, _ := strings.Cut(strings.TrimSpace(line), "level=")
		got = append(got, said)
	}
	want := []string{
		`ERROR msg="events cannot be stored" err="disk full"`,
		`ERROR msg="events cannot be stored" err="no such file"`,
		`INFO msg="over: events cannot be stored"`,
		`ERROR msg="events cannot be stored" err="disk full"`,
		`ERROR msg="outcomes cannot be stored" err="disk full"`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("logged\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
