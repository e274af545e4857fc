package expression_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

// The most that a hostile expression may cost on an event of 1 MiB. Tests take longer with the race detector and on a busy machine.
const (
	hostileTime   = 50 * time.Millisecond
	hostileMemory = 64 << 20 // bytes
)

func hostileEvent(t testing.TB) *event.Event {
	t.Helper()
	numbers := make([]int, 50_000)
	for i := range numbers {
		numbers[i] = i
	}
	payload, err := json.Marshal(map[string]any{"big": strings.Repeat("a", 700_000), "numbers": numbers, "n": 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	return &event.Event{Type: "workflow_end", Payload: payload}
}

// processorTime returns the processor time that this process has used.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// lets applies a form to its own result 60 times: let a1 = [a0, a0]; let a2 = [a1, a1]; …
func lets(first, form, use string) string {
	source := "let a0 = " + first + "; "
	for i := 1; i <= 60; i++ {
		source += fmt.Sprintf("let a%d = ", i) + strings.ReplaceAll(form, "#", fmt.Sprintf("a%d", i-1)) + "; "
	}
	return source + strings.ReplaceAll(use, "#", "a60")
}

func many(clause string) string { return strings.Repeat(clause+" or ", 300) + "false" }

// hostile are expressions that would take much time or memory.
var hostile = map[string]string{
	"repeat":                `len(repeat("a", 1000000000)) > 1`,
	"repeat a text":         `len(repeat(payload.big, payload.n)) > 1`,
	"nested repeat":         `len(repeat(repeat(repeat("a", 1000), 1000), 1000)) > 1`,
	"range":                 `len(1..100000000) > 1`,
	"range of all integers": `len(-9223372036854775807..9223372036854775807) > 1`,
	"ranges":                `any(1..90000, len(1..90000) == 1)`,
	"any over any":          `any(1..5000, any(1..5000, # == -1))`,
	"any over any over any": `any(1..300, any(1..300, any(1..300, # == -1)))`,
	"any over the event":    `any(payload.numbers, any(payload.numbers, # == -1))`,
	"all, none, one":        `all(1..3000, none(1..3000, # == -1)) and one(1..3000, one(1..3000, # == 1))`,
	"map of map":            `len(map(1..5000, map(1..5000, #))) > 1`,
	"long body":             `any(1..90000, ` + strings.Repeat("# == -1 or ", 1000) + `false)`,
	"reduce to a text":      `len(reduce(1..90000, #acc + "aaaaaaaaaaaaaaaaaaaaaaaaaa", "")) > 1`,
	"doubling a text":       lets(`"a"`, "# + #", "len(#) > 1"),
	"doubling a list":       lets("[1]", "[#, #]", "len(flatten(#)) > 1"),
	"equal doubles":         lets("[1]", "[#, #]", "[#] == [#]"),
	"JSON of doubles":       lets("[1]", "[#, #]", "len(json(#)) > 1"),
	"text of doubles":       lets("[1]", "[#, #]", "len(string(#)) > 1"),
	"max of doubles":        lets("[1]", "[#, #]", "max(#) > 1"),
	"maps of doubles":       lets("[1]", `{"a": #, "b": #}`, "json(#) == json(#)"),
	"uniq":                  `len(uniq(1..90000)) > 1`,
	"sort in a loop":        `any(1..9000, len(sort(payload.numbers)) == 1)`,
	"sortBy in a loop":      `any(1..9000, len(sortBy(payload.numbers, -#)) == 1)`,
	"replace":               `len(replace(payload.big, "a", payload.big)) > 1`,
	"replace nothing":       `len(replace(payload.big, "", payload.big)) > 1`,
	"split":                 `len(split(payload.big, "")) > 1`,
	"join":                  `len(join(map(1..90000, payload.big))) > 1`,
	"contains in a loop":    `any(1..90000, payload.big contains "ab")`,
	"many contains":         many(`payload.big contains "aaaaaaaaaaaaaaab"`),
	"many upper":            many(`upper(payload.big) == "A"`),
	"regular expression":    `payload.big matches "(a*)*b"`,
	"nested repetitions":    `payload.big matches "((a+)+)+$b"`,
	"many alternatives":     `payload.big matches "(a?){30}a{30}b"`,
	"glob":                  `glob("*a*a*a*a*a*a*a*a*b", payload.big)`,
	"glob of two texts":     `glob("*" + payload.big, payload.big)`,
	"truncate in a loop":    `any(1..90000, truncate(payload.big, 600000) == "")`,
	"fromJSON in a loop":    `any(1..90000, fromJSON(json(payload.numbers)) == 1)`,
	"concat in a loop":      `any(1..90000, len(concat(payload.numbers, payload.numbers)) == 1)`,
	"groupBy":               `len(groupBy(1..90000, len(map(1..90000, #)))) == 1`,
	"in a list":             `any(payload.numbers, -1 in payload.numbers)`,
	"base64":                `any(1..90000, toBase64(payload.big) == "")`,
	"power":                 `any(1..90000, any(1..90000, 2 ** 1000 == 1))`,
	"slices in a loop":      `any(1..90000, payload.big[1:600000] == "b")`,
	"long layouts":          `let s = repeat("2006", 250000); len(map(1..800, timestamp.Format(s))) == 3`,
	"event as a layout":     `any(1..90000, timestamp.Format(payload.big) == "q")`,
	"layouts in a loop":     `any(1..90000, timestamp.Format("Monday, January 2006 15:04:05.000000000 MST") == "q")`,
	"dates by a layout":     `any(1..90000, date(payload.big, payload.big) == timestamp)`,
	"methods in a loop":     `any(1..90000, timestamp.AddDate(1, 2, 3).Truncate(duration("1h")).String() == "")`,
	"keys of an event":      `any(1..90000, payload[string(#)] == 1)`,
	"long keys":             `any(1..90000, payload[payload.big] == 1)`,
	"long keys in":          `any(1..90000, payload.big in payload)`,
	"long keys of a map":    `any(1..90000, {(payload.big): 1} == nil)`,
	"groups by long texts":  `len(groupBy(1..90000, payload.big)) > 1`,
	"order of long texts":   `let a = payload.big + "a"; let b = payload.big + "b"; any(1..90000, a > b)`,
	"sorting long texts":    `let a = payload.big + "a"; let b = payload.big + "b"; any(1..9000, sort([b, a, b, a, b, a])[0] == "")`,
	"sorting by long texts": `let a = payload.big; let b = a + "b"; any(1..9000, sortBy([b, a], # + "x")[0] == "")`,
	"trim by a long set":    `any(1..90000, trim(payload.big, payload.big) == "b")`,
	"index in a loop":       `any(1..90000, indexOf(payload.big, "aaaaaaaaaaaaaaab") == 3)`,
	"last index in a loop":  `any(1..90000, lastIndexOf(payload.big, "baaaaaaaaaaaaaaa") == 3)`,
	"percent in a loop":     `any(1..90000, urldecode(urlencode(payload.big)) == "b")`,
	"keys of a map":         `let m = fromPairs(map(payload.numbers, [string(#), 1])); any(1..90000, keys(m) == nil)`,
	"median in a loop":      `any(1..90000, median(payload.numbers) == -1)`,
	"max in a loop":         `any(1..90000, max(payload.numbers, payload.numbers) == -1)`,
	"deep lists":            `json(reduce(1..90000, [#acc], 0)) == ""`,
	"equal deep lists":      `any(1..2, reduce(1..40000, [#acc], 0) == reduce(1..40000, [#acc], 0)) and len(1..90000) == 1`,
	"maps in a loop":        `len(map(1..90000, {"a": #})) == 1`,
	"JSON of small maps":    `len(fromJSON("[" + repeat("{\"a\":1},", 80000) + "1]")) == 1`,
}

// The budget stops each hostile expression before it takes much time or memory.
func TestHostileExpressionsAreStopped(t *testing.T) {
	e := hostileEvent(t)
	for name, source := range hostile {
		t.Run(name, func(t *testing.T) {
			program, err := expression.CompileBool(source)
			if err != nil {
				var at *expression.Error
				if errors.As(err, &at) {
					t.Logf("refused: %v", err)
					return
				}
				t.Fatal(err)
			}
			in := expression.NewEnv(e)
			if _, err := compile(t, "payload.big == nil or len(payload.numbers) == 0").Bool(in); err != nil { // decodes them
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			best := time.Hour
			for range 5 {
				runtime.ReadMemStats(&before)
				start, used := time.Now(), processorTime()
				_, err = program.Bool(in)
				best = min(best, time.Since(start), processorTime()-used) // other programs can only make it longer
				runtime.ReadMemStats(&after)
				if used := after.TotalAlloc - before.TotalAlloc; used > hostileMemory {
					t.Errorf("it took %d MiB, want at most %d", used>>20, hostileMemory>>20)
				}
			}
			if !errors.Is(err, expression.ErrBudget) {
				t.Errorf("Bool = %v, want ErrBudget", err)
			}
			t.Logf("%v: %v", best.Round(10*time.Microsecond), err)
			if best > hostileTime && !raceEnabled {
				t.Errorf("it took %v, want at most %v", best, hostileTime)
			}
		})
	}
}

// Compiling is bounded too, since reading a configuration compiles its expressions.
func TestHostileSourcesCompileSoon(t *testing.T) {
	for name, source := range map[string]string{
		"parentheses": strings.Repeat("(", 8000) + "true" + strings.Repeat(")", 8000),
		"not":         strings.Repeat("not ", 4000) + "true",
		"lists":       strings.Repeat("[", 8000) + strings.Repeat("]", 8000) + " == 1",
		"closures":    strings.Repeat("any([1], ", 1000) + "true" + strings.Repeat(")", 1000),
		"members":     "payload" + strings.Repeat(".a", 8000) + " == 1",
		"sum":         strings.Repeat("1+", 8000) + "1 == 1",
		"conditions":  strings.Repeat("true ? true : ", 1100) + "true",
		"patterns":    strings.Repeat(`event matches "(?i)\\pL{30}" or `, 400) + "true",
	} {
		start := time.Now()
		_, err := expression.CompileBool(source)
		took := time.Since(start)
		t.Logf("%s: %v, %v", name, took.Round(time.Millisecond), err)
		if took > 2*time.Second && !raceEnabled {
			t.Errorf("%s: compiling took %v", name, took)
		}
	}
}
