package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/awf-project/awf-hook/engine"
)

// printer shows received requests to a person.
type printer struct {
	out      io.Writer
	hasKey   bool // there is a secret to verify with
	coloured bool
}

func newPrinter(out io.Writer, hasKey bool) *printer {
	coloured := isTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return &printer{out, hasKey, coloured}
}

// The escape sequences of the colours.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (p *printer) colour(code, text string) string {
	if !p.coloured {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// eventColours tells the ends of a workflow apart at a glance.
var eventColours = map[string]string{
	"workflow_end":    green,
	"workflow_error":  red,
	"workflow_cancel": yellow,
}

// print shows one request: what it is, whether it is signed well, its body.
func (p *printer) print(r *engine.Received) {
	var b strings.Builder
	name := r.Header.Get("X-AWF-Event")
	code, ok := eventColours[name]
	if !ok {
		code = bold
	}
	fmt.Fprintf(&b, "%s %s\n", p.colour(code, "● "+plain(name)), p.colour(dim, "answered "+r.Reply.String()))
	fmt.Fprintf(&b, "  delivery  %s, attempt %s\n", plain(r.Header.Get("X-AWF-Delivery")), plain(r.Header.Get("X-AWF-Attempt")))
	fmt.Fprintf(&b, "  signed    %s\n", p.signatures(r))
	var body bytes.Buffer
	if json.Indent(&body, r.Body, "  ", "  ") == nil {
		fmt.Fprintf(&b, "  %s\n\n", harmless(body.String()))
	} else {
		fmt.Fprintf(&b, "  %q\n\n", r.Body)
	}
	_, _ = io.WriteString(p.out, b.String())
}

func (p *printer) signatures(r *engine.Received) string {
	if len(r.Signatures) == 0 {
		return p.colour(yellow, "no")
	}
	if !p.hasKey {
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

// plain shows control characters as what they are: what arrives must not steer the terminal.
func plain(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || steers(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// harmless writes as escapes what JSON text may hold and a terminal may obey.
func harmless(text string) string {
	if !strings.ContainsFunc(text, steers) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if steers(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func steers(r rune) bool { return r >= 0x7f && r < 0xa0 }

// encode writes a value that holds texts, numbers, times and JSON as a line of JSON.
func encode(w io.Writer, v any) { encodeWith(json.NewEncoder(w), v) }

// encodeIndented writes it on several lines, the first without the prefix.
func encodeIndented(w io.Writer, prefix string, v any) {
	enc := json.NewEncoder(w)
	enc.SetIndent(prefix, "  ")
	encodeWith(enc, v)
}

func encodeWith(enc *json.Encoder, v any) {
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
}
