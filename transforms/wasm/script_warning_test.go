package wasm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// listEvent is an event of about size bytes: a first member, and a list of items made with fmt.
func listEvent(first, item string, size int) string {
	var list strings.Builder
	for i := 0; list.Len() < size; i++ {
		fmt.Fprintf(&list, item, i)
	}
	return `{"payload":{"outputs":` + first + `,"list":[` + strings.TrimSuffix(list.String(), ",") + `]}}`
}

// Whether a body has something to warn of or not, its event needs the same fuel and ends in the same way.
func TestWarningsCostAnEventNothing(t *testing.T) {
	s := scriptSandbox(t)
	s.SetClock(func() time.Duration { return 0 }) // fuel alone is compared, whatever the machine does beside
	m, _, err := loadScript(t, s, `export default e => e`, wasm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, item string
		size       int
		want       error
	}{
		{"nested, short", `{"a":1,"b":{"c":%d}},`, 2_000, nil},
		{"nested, the longest that is searched", `{"a":1,"b":{"c":%d}},`, 15_000, nil},
		{"nested, long", `{"a":1,"b":{"c":%d}},`, 91_000, nil},
		{"objects", `{"id":%d,"n":"x"},`, 179_000, nil},
		{"numbers", `%d,`, 15_000, nil},
		{"too long", `%d,`, 349_000, wasm.ErrOutput},
	} {
		t.Run(test.name, func(t *testing.T) {
			plain, plainErr := m.Transform(t.Context(), input(listEvent("[]", test.item, test.size)))
			hollow, err := m.Transform(t.Context(), input(listEvent("{}", test.item, test.size)))
			if !errors.Is(plainErr, test.want) || !errors.Is(err, test.want) {
				t.Fatalf("got %v, without {} %v; want %v", err, plainErr, test.want)
			}
			if hollow.Fuel > plain.Fuel+plain.Fuel/50 {
				t.Errorf("%d fuel, %d without {}", hollow.Fuel, plain.Fuel)
			}
		})
	}
}

// An event is sent even if a warning about it would never end, and so are the events after it.
func TestWarningsThatNeverEnd(t *testing.T) {
	s := scriptSandbox(t)
	for _, isolation := range []wasm.Isolation{wasm.IsolateEvent, wasm.IsolateInstance} {
		for _, text := range []string{
			`export default e => { Promise.reject({ get message() { for (;;); }, toJSON() { for (;;); } }); return { a: 1 } }`,
			`export default e => { queueMicrotask(() => { throw { toJSON() { for (;;); } } }); return { a: 1 } }`,
			`export default e => { let n = 0; return { a: 1, b: new Proxy({}, { ownKeys() { while (n > 0); n++; return [] } }) } }`,
		} {
			m, _, err := loadScript(t, s, text, wasm.Options{Isolation: isolation})
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				out, err := m.Transform(t.Context(), input(scriptEvent))
				if err != nil || !strings.HasPrefix(string(out.Body), `{"a":1`) {
					t.Errorf("%v, %s: got %s, %v", isolation, text, out.Body, err)
				}
			}
		}
	}
}

// A getter and a toJSON of a body are called once.
func TestBodiesAreReadOnce(t *testing.T) {
	const text = `export default e => ({
  get a() { log("a"); return {} },
  b: { toJSON() { log("b"); return {} } },
  c: new Map(), d: new Number(1),
})`
	m, log, err := loadScript(t, scriptSandbox(t), text, wasm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Transform(t.Context(), input(scriptEvent))
	if err != nil || string(out.Body) != `{"a":{},"b":{},"c":{},"d":1}` {
		t.Errorf("got %s, %v", out.Body, err)
	}
	for _, want := range []string{"line=a\n", "line=b\n", "line=\"JSON shows {} for a Map, c of the body\"\n"} {
		if strings.Count(log.String(), want) != 1 || strings.Count(log.String(), "\n") != 3 {
			t.Errorf("want %q once in\n%s", want, log)
		}
	}
}

// Whatever functions a script puts in place of JavaScript's own, its body, its errors and its log are as before.
func TestScriptReplacesGlobals(t *testing.T) {
	s := scriptSandbox(t)
	for _, at := range [][2]string{{"replace();", ""}, {"", "replace();"}} { // before the first event, and in one
		text := `const say = log, Failure = TypeError;
const replace = () => {
  for (const name of Object.getOwnPropertyNames(globalThis)) if (typeof globalThis[name] === "function") globalThis[name] = () => 5;
};
` + at[0] + `
export default async e => {
  ` + at[1] + `
  say("é🚀", new Failure("a"), [1]);
  await null;
  return { d: e.payload.duration, text: "é" };
}`
		m, log, err := loadScript(t, s, text, wasm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := m.Transform(t.Context(), input(scriptEvent))
		if want := `{"d":12345678901234567890,"text":"é"}`; err != nil || string(out.Body) != want {
			t.Errorf("got %s, %v; want %s", out.Body, err, want)
		}
		if want := `line="é🚀 TypeError: a [1]"`; !strings.Contains(log.String(), want) {
			t.Errorf("want %s in %s", want, log)
		}
	}
}
