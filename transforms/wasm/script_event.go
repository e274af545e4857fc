package wasm

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// longNumber has more digits than every Number keeps.
var longNumber = regexp.MustCompile(`[0-9]{16}`)

// transformScript runs the script on an event.
func (g *guest) transformScript() ([]byte, error) {
	s := g.module.snapshot
	c := &scriptCall{guest: g}
	defer g.logged(s)
	hasLong := "qjs_get_false"
	if longNumber.Match(g.event) {
		hasLong = "qjs_get_true"
	}
	said := c.answer(s, scriptRun, c.text(g.event), c.call(hasLong))
	if c.err == nil && said[0] == 'p' {
		c.jobs(s)
		said = c.answer(s, scriptSettled)
	}
	body := c.answered(said)
	switch {
	case c.err != nil:
		return nil, c.err
	case int64(len(body)) > g.module.limits.Output:
		return nil, g.fail(ErrOutput, tooLarge(int64(len(body)), g.module.limits.Output))
	}
	return g.checked(body)
}

// answered reads the first byte of an answer, and returns what is behind it.
func (c *scriptCall) answered(answer []byte) []byte {
	if c.err != nil {
		return nil
	}
	switch rest := answer[1:]; answer[0] {
	case 'n':
		c.err = ErrDrop
	case 'f':
		c.err = c.fail(ErrFail, oneLine(string(rest), MaxLogLine))
	case 'e':
		c.err = c.exception(answer)
	default:
		return rest
	}
	return nil
}

// frame is a line of a stack: "    at name (file:line:column)", where there may be no name.
var frame = regexp.MustCompile(`^ *at (?:(.*) \()?([^()]+:\d+:\d+)\)?$`)

// exception is what a script threw: "e", its text, and its stack.
func (g *guest) exception(said []byte) *Error {
	const most, longest = 5, 100
	text, stack, _ := strings.Cut(string(said[min(1, len(said)):]), "\n    at ")
	e := g.fail(ErrFail, oneLine(text, MaxLogLine))
	for line := range strings.Lines("    at " + stack) {
		found := frame.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if found == nil || strings.HasPrefix(found[2], prologueName+":") || len(e.Trace) == most {
			continue
		}
		place := found[2]
		if found[1] != "" && found[1] != "<anonymous>" {
			place = found[1] + " (" + place + ")"
		}
		e.Trace = append(e.Trace, oneLine(place, longest))
	}
	switch {
	case strings.Contains(text, "call stack size exceeded"):
		e.Kind = ErrStack
	case g.memory.isRefused && strings.Contains(text, "out of memory"):
		e.Kind, e.Detail = ErrMemory, fmt.Sprintf("limit %d bytes", g.module.limits.Memory)
	case strings.Contains(text, "could not load module"):
		e.Detail += ": a script is one file: npx esbuild --bundle --format=esm makes one of several"
	case commonJS.MatchString(text):
		e.Detail += ": want export default function (event) { … }; npx esbuild --bundle --format=esm makes a script of a CommonJS module"
	}
	return e
}

// commonJS is what a script fails with that was written for Node's older modules.
var commonJS = regexp.MustCompile(`^ReferenceError: (module|exports|require) is not defined`)

// logged logs the lines that a script left in its room, whatever became of the event.
func (g *guest) logged(s *snapshot) {
	if g.mod == nil || s.room == 0 {
		return
	}
	size := 8 + uint32(g.module.limits.LogLines)*(MaxLogLine+3)
	room, ok := g.mod.Memory().Read(uint32(s.room), size)
	if !ok {
		return
	}
	lines, used := binary.LittleEndian.Uint32(room), binary.LittleEndian.Uint32(room[4:])
	rest := room[8:min(8+used, size)]
	for len(rest) >= 3 {
		length := min(int(binary.LittleEndian.Uint16(rest[1:])), len(rest)-3)
		g.log(logLevel(uint64(rest[0])), string(rest[3:3+length]))
		rest = rest[3+length:]
	}
	g.lines = max(g.lines, int64(lines))
	clear(room[:8])
}

// quoted is a text as a script would write it.
func quoted(text []byte) []byte {
	literal, _ := json.Marshal(string(text)) // a string can always be written
	return literal
}
