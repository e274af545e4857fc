package format_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/transforms/format"
)

// What an event says shows as text in each chat: no link, no picture, no emphasis, no mention and no command is made of it, wherever it
// stands. A URL that is written out still leads to its place.
func TestMarkupShowsAsText(t *testing.T) {
	const zero = "\u200b"
	markdown := []string{"mattermost", "rocketchat", "zulip", "oncall", "incidentio"}
	for _, c := range []struct {
		formats    []string
		text, want string
	}{
		{markdown, "[a](https://evil.example)", "[a]" + zero + "(https://evil.example)"},
		{markdown, "![a](https://evil.example/x.png)", "![a]" + zero + "(https://evil.example/x.png)"},
		{markdown, "[a]: https://evil.example", "[a]" + zero + ": https://evil.example"},
		{markdown, "a*b*c **d** __init__.py a_b_c ~/x ~~y~~", "a∗b∗c ∗∗d∗∗ ˍˍinitˍˍ.py a_b_c ∼/x ∼∼y∼∼"},
		{markdown, "run `make`", "run ˋmakeˋ"},
		{markdown, "$x^2$ cost $5 $$y$$", "＄x^2＄ cost ＄5 ＄＄y＄＄"},
		{markdown, "a\n > b\n  - c\n 1. d", "a\n " + zero + "> b\n  " + zero + "- c\n " + zero + "1. d"},
		{markdown, "@all #tag a#b ||c||", "@" + zero + "all #" + zero + "tag a#" + zero + "b |" + zero + "|" + zero + "c|" + zero + "|" + zero},
		{markdown, "see https://ci.example/_a_/b_c/~d?e=*f*&g=@all#h_i",
			"see https://ci.example/%5Fa%5F/b_c/%7Ed?e=%2Af%2A&g=%40all#h_i"},
		{markdown, "(https://ci.example/x)#tag", "(https://ci.example/x)#" + zero + "tag"},
		{[]string{"discord"}, "[a](https://evil.example) *b* _c_", `\[a\](https://evil.example) \*b\* \_c\_`},
		{[]string{"discord"}, "see https://ci.example/my_job/_x_?a=*b*&c=@everyone.",
			"see https://ci.example/my_job/_x_?a=%2Ab%2A&c=%40everyone."},
		{[]string{"discord"}, "http://*a* https://", `http://\*a\* https://`},
		{markdown, "clone https://git@ci.example/_x_?a=@all", "clone https://git@" + zero + "ci.example/ˍxˍ?a=@" + zero + "all"},
		{markdown, "https://oauth2:***@ci.example/a https://x*.example",
			"https://oauth2:∗∗∗@" + zero + "ci.example/a https://x∗.example"},
		{markdown, "https://my_host.example?a=@all http://a#~b", "https://my_host.example?a=%40all http://a#%7Eb"},
		{[]string{"discord"}, "clone https://u:p@ci.example/_x_", "clone https://u:p@" + zero + `ci.example/\_x\_`},
		{[]string{"telegram"}, "clone https://git@ci.example/a", "clone https://git@ci.example/a"},
		{[]string{"telegram"}, "//start /@alice x//stop //#tag",
			strings.ReplaceAll("/_/_start /_@_alice x/_/_stop /_/_#_tag", "_", zero)},
		{[]string{"telegram"}, "see https://ci.example/@a/#b and /start", "see https://ci.example/@a/#b and /" + zero + "start"},
	} {
		for _, name := range c.formats {
			f := open(t, name, with(name, format.Option{Name: "text", Value: "{{ payload.note }}"})...)
			note, err := json.Marshal(c.text)
			if err != nil {
				t.Fatal(err)
			}
			e := happened(event.WorkflowError, "deploy", "run-1", `{"status":"failure","note":`+string(note)+`}`)
			made := content(t, f, e)
			if shown := shownTexts(t, made); !strings.Contains(shown, c.want) {
				t.Errorf("%s: %q is not shown as %q:\n%q", name, c.text, c.want, shown)
			}
		}
	}
}

// What an event wrote for a terminal leaves nothing behind, whatever kind of sequence it is.
func TestTerminalSequencesLeaveNothing(t *testing.T) {
	for _, sequence := range []string{
		"\x1b[1m", "\x1b[38;5;9m", "\x1b[?25l", "\x1b[0 q", "\x1b[2K", "\x1b(B", "\x1b(B\x1b[m", "\x1b)0", "\x1b#8", "\x1b%G",
		"\x1b=", "\x1b7", "\x1bM",
		"\x1b]0;title\a", "\x1b]8;;https://evil.example\x1b\\", "\x1bPq#0;2;0;0;0\x1b\\", "\x1b_Gf=24;AAAA\x1b\\",
		"\x1b^private\x1b\\", "\x1bXstring\x1b\\",
		"\x1bkscreen title\x1b\\",
	} {
		f := open(t, "ntfy", with("ntfy")...)
		quoted, err := json.Marshal("red" + sequence + "green")
		if err != nil {
			t.Fatal(err)
		}
		made := content(t, f, happened(event.WorkflowError, "deploy", "run-1", `{"status":"failure","error":`+string(quoted)+`}`))
		if shown := shownTexts(t, made); !strings.Contains(shown, "redgreen\n") {
			t.Errorf("%q shows as %q", sequence, shown)
		}
	}
}
