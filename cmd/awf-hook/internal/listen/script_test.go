package listen_test

import (
	"testing"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/listen"
)

func TestParseScriptRefuses(t *testing.T) {
	const status = "want a status from 200 to 599, reset, or slow:DURATION"
	tests := []struct{ list, want string }{
		{"ok", `"ok": ` + status},
		{"199", `"199": ` + status},
		{"600", `"600": ` + status},
		{"-200", `"-200": ` + status},
		{"200,", `"": ` + status},
		{",200", `"": ` + status},
		{"200,,200", `"": ` + status},
		{"slow", `"slow": ` + status},
		{"reset:1", `"reset:1": ` + status},
		{"2e2", `"2e2": ` + status},
		{"200 x2", `"200 ": ` + status},
		{"200x", `"200x": want 1 to 100000 times after the x`},
		{"200x0", `"200x0": want 1 to 100000 times after the x`},
		{"200x-1", `"200x-1": want 1 to 100000 times after the x`},
		{"200x100001", `"200x100001": want 1 to 100000 times after the x`},
		{"200x2x2", `"200x2x2": want 1 to 100000 times after the x`},
		{"200,503xmany", `"503xmany": want 1 to 100000 times after the x`},
		{"slow:", `"slow:": want a duration like slow:3s`},
		{"slow:3", `"slow:3": want a duration like slow:3s`},
		{"slow:-3s", `"slow:-3s": want a duration like slow:3s`},
		{"429:", `"429:": want seconds after the colon`},
		{"429:soon", `"429:soon": want seconds after the colon`},
		{"429:-1", `"429:-1": want seconds after the colon`},
		{"429:1.5", `"429:1.5": want seconds after the colon`},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			_, err := listen.ParseScript(tt.list)
			if err == nil || err.Error() != tt.want {
				t.Errorf("ParseScript(%q): %v, want %s", tt.list, err, tt.want)
			}
		})
	}
}

func TestReplyInWords(t *testing.T) {
	tests := []struct {
		reply listen.Reply
		want  string
	}{
		{listen.Reply{Status: 200}, "200"},
		{listen.Reply{Status: 429, RetryAfter: "5"}, "429, retry after 5s"},
		{listen.Reply{Status: 200, Delay: 1500 * time.Millisecond}, "200 after 1.5s"},
		{listen.Reply{Reset: true}, "connection reset"},
	}
	for _, tt := range tests {
		if got := tt.reply.String(); got != tt.want {
			t.Errorf("%#v is %q, want %q", tt.reply, got, tt.want)
		}
	}
}
