// Package format_test lets the receivers' own client libraries judge the messages of transforms/format.
package format_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/awf-project/awf-hook/transforms/format/testdata/wild"
)

// wildEvents is how many generated events each oracle judges; "make formats" sets AWF_HOOK_WILD to 10,000.
func wildEvents() uint64 {
	n, err := strconv.ParseUint(os.Getenv("AWF_HOOK_WILD"), 10, 64)
	if err != nil {
		return 300
	}
	return n
}

// each makes the messages of the generated events, with options that change.
func each(t *testing.T, name string, judge func(c delivery.Content) error) {
	t.Helper()
	kind, _ := format.Lookup(name)
	judged := 0
	for n := range wildEvents() {
		f, mistakes := kind.New(wild.Options(kind, n))
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		e := wild.Event(n)
		c, err := f.Content(expression.NewEnv(&e), nil)
		if err != nil {
			t.Fatalf("event %d: %v", n, err)
		}
		if c.Body == nil {
			continue
		}
		judged++
		if err := judge(c); err != nil {
			t.Fatalf("event %d: %v\n%.3000s", n, err, c.Body)
		}
	}
	if judged == 0 {
		t.Fatal("no message was made")
	}
	t.Logf("%d messages judged", judged)
}

// strict decodes into a client library's type, which must know every member.
func strict(body []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// kept says what of a body a client library's type does not give back: it did not know it.
func kept(body []byte, through any) error {
	if err := json.Unmarshal(body, through); err != nil {
		return err
	}
	back, err := json.Marshal(through)
	if err != nil {
		return err
	}
	var ours, theirs any
	if err := json.Unmarshal(body, &ours); err != nil {
		return err
	}
	if err := json.Unmarshal(back, &theirs); err != nil {
		return err
	}
	return missing("", ours, theirs)
}

func missing(path string, ours, theirs any) error {
	switch ours := ours.(type) {
	case map[string]any:
		theirs, ok := theirs.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is not an object any more", path)
		}
		for k, v := range ours {
			if err := missing(path+"."+k, v, theirs[k]); err != nil {
				return err
			}
		}
	case []any:
		theirs, ok := theirs.([]any)
		if !ok || len(ours) != len(theirs) {
			return fmt.Errorf("%s is another list", path)
		}
		for i, v := range ours {
			if err := missing(fmt.Sprintf("%s[%d]", path, i), v, theirs[i]); err != nil {
				return err
			}
		}
	default:
		if ours != theirs {
			return fmt.Errorf("%s is %v, was %v", path, theirs, ours)
		}
	}
	return nil
}
