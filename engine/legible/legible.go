// Package legible makes texts of others fit for a line of an error, a log or a list: short, and without characters that could break the
// line or control a terminal.
//
// Other programs should not import it: it serves only this module and may change at any time.
package legible

import (
	"strconv"
	"strings"
	"unicode"
)

// Line returns s in one line: characters that are not printable become spaces, and so do bytes that are not UTF-8. It trims the line.
func Line(s string) string {
	if IsLine(s) {
		return strings.TrimSpace(s)
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unprintable(r) {
			return ' '
		}
		return r
	}, s))
}

// ShortLine is [Line] for the beginning of s, at most the given number of bytes.
func ShortLine(s string, most int) string { return Line(s[:min(len(s), most)]) }

// IsLine reports whether s has only printable characters.
func IsLine(s string) bool { return !strings.ContainsFunc(s, unprintable) }

// Plain returns s, in quotes if it is not a line. It is for names, such as those of files, which must not be altered.
func Plain(s string) string {
	if IsLine(s) {
		return s
	}
	return strconv.Quote(s)
}

// Word returns s as one word of a shell's command line, in quotes if the shell would take it for anything else. For a line of text, s must
// be [Plain].
func Word(s string) string {
	if s != "" && !strings.ContainsRune("#=", rune(s[0])) && !strings.ContainsFunc(s, steersShell) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// steersShell reports whether a shell may not take a character literally within a word.
func steersShell(r rune) bool {
	isLiteral := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@%+=,#", r)
	return !isLiteral
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }

// Cut returns the beginning of s, at most the given number of bytes, without a part of a character.
func Cut(s string, most int) string { return strings.ToValidUTF8(s[:min(len(s), most)], "") }

// Shorten is like Cut, but marks with … that it cut. A text that is short enough stays as it is.
func Shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return Cut(s, most) + "…"
}
