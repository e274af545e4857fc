package transforms_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
)

// A format logs what it leaves out of a message at debug level only.
func TestFormatsSayWhatTheyLeaveOut(t *testing.T) {
	cfg, err := config.Parse("awf-hook.yaml",
		[]byte("webhooks: [{url: 'https://one.test/', transform: [{format: slack, with: {link: '=payload.error'}}]}]"), config.NoEnv)
	if err != nil {
		t.Fatal(err)
	}
	for level, want := range map[slog.Level]string{slog.LevelDebug: `left out link: want an http or https URL`, slog.LevelInfo: ""} {
		var log bytes.Buffer
		c, mistakes := newCompiler(nil, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))).Compile(t.Context(),
			cfg.Webhooks[0].Transform)
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		if _, err := apply(c, failed); err != nil {
			t.Fatal(err)
		}
		if got := log.String(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("at %v it logs %q, want %q", level, got, want)
		}
	}
}
