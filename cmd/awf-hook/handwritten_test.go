package main

import (
	"strings"
	"testing"
)

// A text without an event says what it is instead, and where its JSON is wrong.
func TestWhyNoEvent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                      "it is empty",
		"hello":                                 "it has no JSON",
		"null":                                  "want an object, got other JSON",
		"42\n":                                  "want an object, got other JSON",
		`"x"`:                                   "want an object, got other JSON",
		"\ufeff42":                              "want an object, got other JSON",
		"[{}]":                                  "want a line of AWF's",
		"{\n \"a\": 1":                          "line 2, column 8: the JSON ends too early",
		"{\n \"event\": \"workflow_end\",,\n}":  "line 2, column 26: invalid character ','",
		"\n\n{\"a\": é}":                        "line 3, column 7: invalid character",
		"{\"é\": x}":                            "line 1, column 7: invalid character 'x'",
		"\ufeff{\"a\": x}":                      "line 1, column 7: invalid character 'x'",
		"{\"a\": 1}\n{\"a\": 1}\n{\"a\": 1]}\n": "line 3, column 8: invalid character ']'",
		"{\"a\": 1}\nhello":                     "line 2, column 1: invalid character 'h'",
		"{\x00\"\x00":                           "it is UTF-16: write it as UTF-8",
		"\x00{\x00\"":                           "it is UTF-16: write it as UTF-8",
		"\xff\xfe{\x00":                         "it is UTF-16: write it as UTF-8",
		strings.Repeat("{\"a\": 1}\n", 20000) + "{]": "line 20001, column 2: invalid character ']'",
	} {
		if got := whyNoEvent([]byte(text)); !strings.HasPrefix(got, want) {
			t.Errorf("whyNoEvent(%q) = %q, want %q", text, got, want)
		}
	}
	const line = `{"event":"workflow_end","workflow_id":"1","workflow_name":"w","timestamp":"2026-11-24T01:24:00Z","payload":{}}` + "\n"
	if got := string(asLines([]byte("\ufeff" + line))); got != line {
		t.Errorf("asLines leaves %q of a text with a byte order mark", got)
	}
}

func FuzzWhyNoEvent(f *testing.F) {
	f.Add([]byte("{\"a\": 1}\n{]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if whyNoEvent(text) == "" {
			t.Errorf("whyNoEvent(%q) says nothing", text)
		}
	})
}
