package expression_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/google/go-cmp/cmp"
)

// operands has values of every kind, each with a name for its key in the payload.
var operands = []struct{ name, json string }{
	{"missing", ""}, {"null", "null"}, {"true", "true"}, {"int", "2"}, {"large", "9007199254740993"}, {"float", "2.5"},
	{"huge", "1e300"}, {"string", `"2"`}, {"list", `[2, "2"]`}, {"map", `{"2": 1}`},
}

var binaryOperators = []string{"==", "!=", "<", "<=", ">", ">=", "in", "contains", "startsWith", "endsWith", "and", "or",
	"+", "-", "*", "/", "%", "**", "..", "??", "[]"}

// Each operator is tried with each kind of value on either side. A surprise in testdata/operators.txt is a bug; UPDATE=1 writes it.
func TestEveryOperatorWithEveryKind(t *testing.T) {
	var payload []string
	for _, o := range operands {
		if o.json != "" {
			payload = append(payload, fmt.Sprintf("%q: %s", "v_"+o.name, o.json))
		}
	}
	in := expression.NewEnv(ended("{" + strings.Join(payload, ", ") + "}"))

	var table strings.Builder
	for _, op := range binaryOperators {
		fmt.Fprintf(&table, "left %s right\n", op)
		row(&table, "", func(right string) string { return right })
		for _, left := range operands {
			row(&table, left.name, func(right string) string {
				source := fmt.Sprintf("payload.v_%s %s payload.v_%s", left.name, op, right)
				if op == "[]" {
					source = fmt.Sprintf("payload.v_%s[payload.v_%s]", left.name, right)
				}
				return outcome(t, source, in)
			})
		}
		table.WriteByte('\n')
	}
	fmt.Fprintf(&table, "one operand\n")
	row(&table, "", func(name string) string { return name })
	for _, form := range []string{"not %s", "-%s", "+%s", "%s ? 1 : 0", "%s.member", "%s[0:1]", "%s matches '2'", "len(%s)", "string(%s)",
		"int(%s)", "upper(%s)", "type(%s)", "json(%s)", "any(%s, # == 2)", "all(%s, # == 2)", "none(%s, # == 2)", "count(%s, # == 2)",
		"map(%s, #)", "sum(%s)", "max(%s, 1)",
		"keys(%s)", "%s > 2", "2 > %s", "%s == 2", "%s == '2'", "%s != 2", "%s in [2, '2']", "'2' in %s", "%s startsWith '2'"} {
		row(&table, form, func(name string) string { return outcome(t, strings.ReplaceAll(form, "%s", "payload.v_"+name), in) })
	}
	golden(t, "testdata/operators.txt", table.String())
}

func row(w *strings.Builder, name string, cell func(operand string) string) {
	line := fmt.Sprintf("%-20s", name)
	for _, o := range operands {
		line += fmt.Sprintf(" %-22s", cell(o.name))
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}

// outcome returns the value of an expression as JSON, "-" for nothing and "error" for an error.
func outcome(t *testing.T, source string, in *expression.Env) string {
	t.Helper()
	program, err := expression.CompileValue(source)
	if err != nil {
		t.Errorf("CompileValue(%q) = %v", source, err)
		return "?"
	}
	v, err := program.Value(in)
	trace := traceOf(program, in)
	if fmt.Sprint(trace.Err) != fmt.Sprint(err) || !cmp.Equal(trace.Value, v) {
		t.Errorf("%q: %v, %v without a trace, and %v, %v with one", source, v, err, trace.Value, trace.Err)
	}
	switch {
	case errors.Is(err, expression.ErrBudget):
		return "budget"
	case err != nil:
		return "error"
	case v == nil:
		return "-"
	}
	text, err := expression.AppendJSON(nil, v)
	if err != nil {
		t.Errorf("%q: %v", source, err)
	}
	return string(text)
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
