package expression_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/expression"
)

func TestEqualTextsCompileOnce(t *testing.T) {
	var c expression.Compiler
	first, err := c.Bool(`event == "a"`)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Bool(`event == "a"`)
	if err != nil || again != first {
		t.Errorf("Bool of an equal text = %p, %v, want the program %p again", again, err, first)
	}
	value, err := c.Value(`event == "a"`)
	if err != nil || value == first {
		t.Errorf("Value of a filter's text = %p, %v, want a program of its own", value, err)
	}
	if _, err := c.Bool(`body == "a"`); err == nil {
		t.Error("Bool accepts body, which only transforms have")
	}
	if _, err := c.Value(`body == "a"`); err != nil {
		t.Errorf("Value refuses body: %v", err)
	}
	_, err1 := c.Bool(`nonsense`)
	_, err2 := c.Bool(`nonsense`)
	if err1 == nil || fmt.Sprint(err1) != fmt.Sprint(err2) {
		t.Errorf("errors of equal texts = %v, %v, want the same", err1, err2)
	}
}

// With aliases many webhooks can share the largest filter, or the largest map.
func TestSharedExpressionsAreCheap(t *testing.T) {
	var c expression.Compiler
	start, used := time.Now(), processorTime()
	long := strings.Repeat(`event == "a" or `, 900) + `event == "` + strings.Repeat("x", 1000) + `"`
	for range 200 {
		if _, err := c.Bool(long); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		for i := range 4_999 {
			if _, err := c.Value(fmt.Sprintf("payload.k%d", i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if took := min(time.Since(start), processorTime()-used); took > 2*time.Second && !raceEnabled {
		t.Errorf("it took %v, want less than 2s", took)
	}
}

func TestExpressionsOfAFileAreBoundedTogether(t *testing.T) {
	var c expression.Compiler
	sum := strings.Repeat("1 + ", 2_000)
	start, used := time.Now(), processorTime()
	for i := range 1_000 {
		_, err := c.Value(fmt.Sprintf("%s payload.k%d", sum, i))
		if err == nil {
			continue
		}
		var mistake *expression.Error
		const want = "the expressions before this one are too many: want at most 250000 operators, operands and calls in all"
		if !errors.As(err, &mistake) || mistake.Message != want {
			t.Errorf("the %d. expression: %v, want %s", i+1, err, want)
		}
		if took := min(time.Since(start), processorTime()-used); took > 2*time.Second && !raceEnabled {
			t.Errorf("it took %v, want less than 2s", took)
		}
		return
	}
	t.Error("1000 expressions of 4001 parts were compiled, want an error")
}
