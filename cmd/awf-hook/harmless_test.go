package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

// No text from a stranger controls the terminal. Every control character but line feed and tab, every character that
// changes the direction of text, and every byte that is not UTF-8 is escaped, and JSON keeps its meaning.
func TestNothingSteersTheTerminal(t *testing.T) {
	steering := func(r rune) bool {
		return r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	}
	texts := []string{"\x1b]0;title\x07", "a\r\nb", "\x00", "\x9b31m", "caf\xe9", "\u202egnp.exe", "\u2066\u2069"}
	for r := rune(0); r < 0x3000; r++ {
		texts = append(texts, "a"+string(r)+"b")
	}
	for _, text := range texts {
		for name, got := range map[string]string{"plain": plain(text), "harmless": harmless(text)} {
			if strings.ContainsFunc(got, steering) || strings.ToValidUTF8(got, "") != got {
				t.Errorf("%s(%q) = %q", name, text, got)
			}
			if name == "plain" && strings.ContainsAny(got, "\n\t") {
				t.Errorf("plain(%q) = %q, want one line", text, got)
			}
		}
		var line bytes.Buffer
		encode(&line, map[string]string{"k": text})
		var back map[string]string
		if err := json.Unmarshal(line.Bytes(), &back); err != nil || back["k"] != strings.ToValidUTF8(text, "\ufffd") {
			t.Errorf("%q is encoded as %q, %v", text, line.String(), err)
		}
		if strings.ContainsFunc(line.String(), steering) {
			t.Errorf("%q is encoded as %q", text, line.String())
		}
	}
}
