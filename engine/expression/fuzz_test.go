package expression_test

import (
	"errors"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/expression"
)

// The most that an expression may cost on an event of 1 MiB. The documented limits are 30 ms and 4 MiB. The rest is for a busy machine, for
// the fuzzer's instrumentation, and for small values, which take more memory in Go than their bytes.
const (
	fuzzTime   = 300 * time.Millisecond
	fuzzMemory = 64 << 20 // bytes
)

// leaks finds words of Go and of expr, which no error may have.
var leaks = regexp.MustCompile(`runtime error|interface conversion|reflect|mismatched|token|overload|\binterface\b`)

// Every expression ends within its budget, and every error is one short line in our own words.
func FuzzCost(f *testing.F) {
	for _, source := range hostile {
		f.Add(source)
	}
	for _, filter := range userFilters {
		f.Add(filter.source)
	}
	e := hostileEvent(f)
	f.Fuzz(func(t *testing.T, source string) {
		used := processorTime()
		program, err := expression.CompileValue(source)
		if took := processorTime() - used; took > time.Second {
			t.Errorf("compiling %q took %v", source, took)
		}
		if err != nil {
			if leaks.MatchString(err.Error()) && !leaks.MatchString(source) {
				t.Errorf("%q: the error has words of Go: %q", source, err)
			}
			return
		}
		env := expression.NewEnv(e)
		_, _ = program.Value(env) // this decodes the parts of the payload that the program uses
		var before, after runtime.MemStats
		best := time.Hour
		for range 3 {
			runtime.ReadMemStats(&before)
			begin, used := time.Now(), processorTime()
			_, err = program.Value(env)
			best = min(best, time.Since(begin), processorTime()-used)
			runtime.ReadMemStats(&after)
			if best <= fuzzTime {
				break
			}
		}
		if best > fuzzTime {
			t.Errorf("%q took %v: %v", source, best, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > fuzzMemory {
			t.Errorf("%q took %d MiB: %v", source, used>>20, err)
		}
		var run *expression.RunError
		if err != nil && (!errors.As(err, &run) || len(err.Error()) > 200 || strings.ContainsFunc(err.Error(), isBreak)) {
			t.Errorf("%q: error %q, want a *RunError of one short line", source, err)
		}
		if err != nil && leaks.MatchString(err.Error()) {
			t.Errorf("%q: the error has words of Go: %q", source, err)
		}
	})
}
