package legible_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/legible"
)

func TestLine(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "ordinary, 12 %": "ordinary, 12 %", "Grüße, 世界": "Grüße, 世界", " \t in \n ": "in", "a\nb\tc": "a b c", "\x1b[2J\a": "[2J",
		"a\xffb\uFFFDc": "a b c", "a\u202eb\u2028c\u00a0d": "a b c d", "half of \xe4\xb8": "half of",
	} {
		got := legible.Line(s)
		if got != want {
			t.Errorf("Line(%q) = %q, want %q", s, got, want)
		}
		if !legible.IsLine(got) || legible.Line(got) != got {
			t.Errorf("Line(%q) = %q, which is not a line", s, got)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, tt := range []struct{ s, cut, short string }{
		{"", "", ""}, {"abcd", "abcd", "abcd"}, {"abcde", "abcd", "abcd…"}, {"ab世界", "ab", "ab…"}, {"\xffabcd", "abc", "abc…"},
	} {
		if got := legible.Cut(tt.s, 4); got != tt.cut {
			t.Errorf("Cut(%q) = %q, want %q", tt.s, got, tt.cut)
		}
		if got := legible.Shorten(tt.s, 4); got != tt.short {
			t.Errorf("Shorten(%q) = %q, want %q", tt.s, got, tt.short)
		}
	}
}

// A shell takes each word for one argument, as it is.
func TestWord(t *testing.T) {
	words := []string{"", "plain-word_1./:@%+=,", "a b", "it's", "$HOME", "`id`", "#oncall", "a#b", "=ls", "~/a",
		"a\nb", "a;b", `a\b`, "*", "Grüße"}
	line := "printf '%s|'"
	for _, word := range words {
		line += " " + legible.Word(word)
	}
	out, err := exec.Command("sh", "-c", line).Output()
	if want := strings.Join(words, "|") + "|"; err != nil || string(out) != want {
		t.Errorf("%s\nprints %q, want %q (%v)", line, out, want, err)
	}
}
