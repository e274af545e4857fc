package main

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"
	"github.com/spf13/cobra"
)

// ours are the escape sequences that this program writes itself: colours, and the line of progress.
var ours = regexp.MustCompile("\x1b\\[[0-9;]*m|\r?\x1b\\[K|\r\n")

// Nothing that a stranger wrote into an event, a configuration or an answer steers the terminal, whatever command shows it.
func TestNoCommandSteersTheTerminal(t *testing.T) {
	id := everyCommand(t)
	for path, c := range calls {
		if path == "completion" || path == "top" { // for a shell; until a signal: see TestWatching
			continue
		}
		text := shownBy(t, c.stdin(t), c.words(path, id), 100)
		for i, r := range ours.ReplaceAllString(text, "\n") {
			if r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Errorf("%s shows %q: %q", path, r, text[max(0, i-80):min(len(text), i+80)])
				break
			}
		}
	}
}

// A terminal that knows no escape sequences gets none, and none of colour where the user wants no colour.
func TestNoSequencesWhereNoneAreWanted(t *testing.T) {
	id := everyCommand(t)
	for _, env := range []string{"TERM=dumb", "TERM=", "NO_COLOR=1", "CLICOLOR=0"} {
		for path, c := range calls {
			if path == "top" || c.once || env != "TERM=dumb" && !slices.Contains([]string{"check", "explain", "preview", "test", "doctor"}, path) {
				continue
			}
			name, value, _ := strings.Cut(env, "=")
			before := os.Getenv(name)
			t.Setenv(name, value)
			text := shownBy(t, c.stdin(t), c.words(path, id), 80)
			t.Setenv(name, before)
			if path != "completion" && (strings.Contains(text, "\x1b[") && name == "TERM" ||
				regexp.MustCompile("\x1b\\[[0-9;]*m").MatchString(text)) {
				t.Errorf("%s awf-hook %s: %q", env, path, text)
			}
		}
	}
}

// Neither a table nor top's picture is wider than the terminal, whatever it shows.
func TestNarrowTerminals(t *testing.T) {
	everyCommand(t)
	for _, columns := range []uint16{1, 2, 20, 33} {
		for _, path := range []string{"deliveries list", "webhooks list", "operations", "events", "functions", "schema",
			"backtest -c hook.yaml past.jsonl"} {
			text := shownBy(t, strings.NewReader(""), strings.Fields(path), columns)
			for line := range strings.Lines(strings.ReplaceAll(text, "\r", "")) {
				if width := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); width > int(columns) && !strings.HasPrefix(line, "events: ") {
					t.Errorf("%s on %d columns: %d: %q", path, columns, width, line)
				}
			}
		}
	}
	lane := laneRate{Lane: api.Lane{State: "open", LaneStatus: engine.LaneStatus{Webhook: "f#部署👩‍👩‍👧e\u0301通知通知通知"}}}
	for _, row := range tableLines([][]string{{"WEBHOOK", "X"}, {lane.Identity(), "x"}}, 0) {
		if at := strings.LastIndexAny(row, "Xx"); uniseg.StringWidth(row[:at]) != 2+uniseg.StringWidth(lane.Identity()) {
			t.Errorf("%q: the second column does not stand below the other", row)
		}
	}
}

// On a terminal of any width the help of a command has the same words as elsewhere, and no word goes on in the next line.
func TestHelpFitsTheTerminal(t *testing.T) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		var whole strings.Builder
		args := append(strings.Fields(pathOf(cmd)), "--help")
		(&command{in: strings.NewReader(""), out: &whole, err: &whole}).run(args)
		for _, columns := range []uint16{40, 80, 100} {
			text := strings.ReplaceAll(shownBy(t, strings.NewReader(""), args, columns), "\r", "")
			if diff := cmp.Diff(strings.Fields(whole.String()), strings.Fields(text)); diff != "" {
				t.Errorf("%q on %d columns: the words (-elsewhere +here)\n%s", args, columns, diff)
			}
			for line := range strings.Lines(text) {
				isExample := strings.HasPrefix(line, "  ") && strings.Contains(whole.String(), line)
				isWord := !strings.Contains(strings.TrimSpace(line), " ")
				if uniseg.StringWidth(strings.TrimSuffix(line, "\n")) > int(columns) && !isExample && !isWord {
					t.Errorf("%q on %d columns: %q", args, columns, line)
				}
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk((&command{}).root())
}

// A value of any length leaves room for the columns behind its own, and a pipe gets it whole.
func TestLongValuesLeaveRoom(t *testing.T) {
	rows := func() [][]string {
		return [][]string{{"ID", "EVENT", "WEBHOOK", "TRY", "WHY"},
			{"msg_1", strings.Repeat("e", 300), "name-" + strings.Repeat("n", 50), "3", "503"},
			{"msg_2", "workflow_end", "oncall", "1", "400 " + strings.Repeat("x", 200)}}
	}
	text := tableText(rows(), 80)
	for _, want := range []string{"  TRY  WHY", "  3    503", "  1    400 x", "e…  name-n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if text := tableText(rows(), 0); strings.Contains(text, "…") {
		t.Errorf("in a pipe:\n%s", text)
	}
}

// shownBy returns the output of a command in this process to a terminal.
func shownBy(t *testing.T, in io.Reader, args []string, columns uint16) string {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := pty.Setsize(master, &pty.Winsize{Rows: 40, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	all := make(chan string)
	go func() {
		text, _ := io.ReadAll(master) // ends with EIO
		all <- string(text)
	}()
	(&command{in: in, out: tty, err: tty}).run(args)
	tty.Close()
	select {
	case text := <-all:
		return text
	case <-time.After(10 * time.Second):
		t.Fatal("the terminal does not end")
		return ""
	}
}

// A man page lets its reader's terminal break the lines of a text, and leaves words and examples whole.
func TestManPagesFill(t *testing.T) {
	long := "x " + strings.Repeat("does this ", 11) + "\nand that.\n\n.dot\n  kept:  a\n"
	text := manPage(&cobra.Command{Use: "x", Long: long, Example: "  awf-hook x\n  -y"})
	for _, want := range []string{
		".nh\n", "does this  and that.\n.PP\n\\&.dot\n.br\n  kept:  a\n", ".SH EXAMPLES\n.nf\n  awf\\-hook x\n  \\-y\n.fi\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
