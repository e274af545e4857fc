package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/listen"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// printer prints for a person.
type printer struct {
	out      io.Writer
	terminal bool
	coloured bool
}

func newPrinter(out io.Writer) *printer {
	terminal := isTerminal(out)
	return &printer{out, terminal, terminal && !isDumb() && os.Getenv("NO_COLOR") == "" && os.Getenv("CLICOLOR") != "0"}
}

// isDumb reports whether the terminal knows no escape sequences, as far as its environment says.
func isDumb() bool { return os.Getenv("TERM") == "dumb" || os.Getenv("TERM") == "" }

// Escape sequences of colours.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (p *printer) colour(code, text string) string {
	if !p.coloured || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// diff colours a unified diff, and makes it harmless.
func (p *printer) diff(text string) string {
	if text = harmless(text); !p.coloured {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		code := map[byte]string{'+': green, '-': red, '@': dim}[line[0]]
		if code == "" {
			b.WriteString(line)
			continue
		}
		b.WriteString(p.colour(code, strings.TrimSuffix(line, "\n")) + "\n")
	}
	return b.String()
}

// eventColours colour the ends of a workflow.
var eventColours = map[string]string{
	"workflow_end":    green,
	"workflow_error":  red,
	"workflow_cancel": yellow,
}

// received prints a request: its event, its signatures and its body. hasKey is whether there was a secret to verify it with.
func (p *printer) received(r *listen.Request, hasKey bool) {
	var b strings.Builder
	name := r.Header.Get("X-AWF-Event")
	code, ok := eventColours[name]
	if !ok {
		code = bold
	}
	request := fmt.Sprintf("%s %s at %s, answered %v", plain(r.Method), plain(r.Path), r.At.Format(time.TimeOnly), r.Reply)
	fmt.Fprintf(&b, "%s %s\n", p.colour(code, "● "+plain(name)), p.colour(dim, request))
	fmt.Fprintf(&b, "  delivery  %s, attempt %s\n", plain(r.Header.Get("X-AWF-Delivery")), plain(r.Header.Get("X-AWF-Attempt")))
	fmt.Fprintf(&b, "  signed    %s\n", p.signatures(r, hasKey))
	var body bytes.Buffer
	switch {
	case r.Body == nil:
		fmt.Fprintf(&b, "  the body has more than %d MiB and is not shown\n\n", listen.MaxBody>>20)
	case json.Indent(&body, r.Body, "  ", "  ") == nil:
		fmt.Fprintf(&b, "  %s\n\n", harmless(body.String()))
	default:
		fmt.Fprintf(&b, "  %q\n\n", r.Body)
	}
	_, _ = io.WriteString(p.out, b.String())
}

func (p *printer) signatures(r *listen.Request, hasKey bool) string {
	if len(r.Signatures) == 0 {
		return p.colour(yellow, "no")
	}
	if !hasKey {
		return p.colour(yellow, "not verified: no secret (--secret or $WEBHOOK_SECRET)")
	}
	var list []string
	for _, s := range r.Signatures {
		text := p.colour(green, "good")
		if s.Err != nil {
			text = p.colour(red, s.Err.Error())
		}
		list = append(list, string(s.Scheme)+" "+text)
	}
	return strings.Join(list, ", ")
}

// plain quotes a text with a character that could break the line or control the terminal.
func plain(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r == '\n' || r == '\t' || steers(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// harmless escapes, as JSON does, characters that could control the terminal. JSON keeps its meaning.
func harmless(text string) string {
	if !strings.ContainsFunc(text, steers) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case !steers(r):
			b.WriteRune(r)
		case r == utf8.RuneError:
			if _, n := utf8.DecodeRuneInString(text[i:]); n == 1 {
				fmt.Fprintf(&b, `\u%04x`, text[i])
				continue
			}
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// steers reports whether a character could control a terminal: control characters other than line feed and tab, and those
// that change the direction of text. A byte that is not UTF-8 could, on a terminal with another encoding.
func steers(r rune) bool {
	return r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError
}

// print prints a value as JSON, or a text for people.
func (c *command) print(asJSON bool, value any, format string, args ...any) {
	if asJSON {
		encode(c.out, value)
		return
	}
	fmt.Fprintf(c.out, format, args...)
}

// encode writes a value of texts, numbers, times and JSON as a line of JSON.
func encode(w io.Writer, v any) { encodeIndented(w, "", "", v) }

// encodeIndented writes a value like encode. With an indent it takes several lines, each but the first with the prefix.
func encodeIndented(w io.Writer, prefix, indent string, v any) {
	text, err := jsonbytes.Print(v, prefix, indent)
	if err != nil {
		panic(err) // a type that cannot be encoded is a bug
	}
	_, _ = io.WriteString(w, harmless(string(text))+"\n")
}

// size formats a number of bytes for people.
func size(n int64) string {
	unit, value := "B", float64(n)
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < 1024 {
			break
		}
		unit, value = next, value/1024
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
