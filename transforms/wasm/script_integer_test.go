package wasm_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// A script gets every integer with all its digits, wherever it is, and nothing else of an event changes.
func TestScriptsKeepLongIntegers(t *testing.T) {
	const big = "12345678901234567890"
	m, _, err := loadScript(t, scriptSandbox(t), `export default e => e`, wasm.Options{Limits: wasm.Limits{Fuel: 1_000_000_000}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ event, want string }{
		{big, big}, {"-" + big, "-" + big}, {"9007199254740993", "9007199254740993"}, {"9007199254740991", "9007199254740991"},
		{`[1,` + big + `,[` + big + `,{"a":` + big + `}],-` + big + `]`, ""},
		{`{"a":{"b":[{"c":` + big + `},2]},"d":` + big + `}`, ""},
		{` { "a" : [ 1 , ` + big + ` ] , "b" : "x" } `, `{"a":[1,` + big + `],"b":"x"}`},
		{`{"a\"b\\":` + big + `,"é\u0041":` + big + `,"":` + big + `}`, `{"a\"b\\":` + big + `,"éA":` + big + `,"":` + big + `}`},
		{`{"a":"` + big + `","b":"{\"c\":` + big + `,","d":` + big + `}`, ""},
		{`{"a":[],"b":{},"c":[{}],"d":[[` + big + `]]}`, ""},
		{`{"a":` + big + `,"a":1}`, `{"a":1}`}, {`{"a":1,"a":` + big + `}`, `{"a":` + big + `}`},
		{`{"a":` + big + `,"a":1e30}`, `{"a":1e+30}`}, {`{"a":[` + big + `],"a":[99999999999999999999]}`, `{"a":[99999999999999999999]}`},
		{`{"a":9007199254740993,"a":9007199254740992}`, `{"a":9007199254740992}`},
		{`[-` + strings.Repeat("7", 1000) + `]`, ""}, {`[` + strings.Repeat("-"+strings.Repeat("7", 1000)+",", 4) + `1]`, ""},
		{`{"a":{"b":` + big + `},"a":"text"}`, `{"a":"text"}`}, {`{"a":[` + big + `],"a":{"0":2}}`, `{"a":{"0":2}}`},
		{`{"__proto__":{"x":` + big + `}}`, ""}, {`{"constructor":` + big + `,"length":` + big + `}`, ""},
		{`[` + big + `.5,` + big + `e0,0.` + big + `]`, `[12345678901234567000,12345678901234567000,0.12345678901234568]`},
		{`[` + strings.Repeat("7", 1001) + `]`, `[null]`}, // as any Number
		{strings.Repeat("[", 100) + big + strings.Repeat("]", 100), ""},
		{`[` + strings.Repeat(big+",", 999) + big + `]`, ""}, // their places are longer than the event
		{strings.Repeat(`{"a":[`, 50) + strings.Repeat(big+",", 99) + big + strings.Repeat("]}", 50), ""},
	} {
		out, err := m.Transform(t.Context(), input(tt.event))
		if want := tt.want; err != nil || string(out.Body) != want && (want != "" || string(out.Body) != tt.event) {
			t.Errorf("%.100s: %.100s, %v, want %.100s", tt.event, out.Body, err, want)
		}
	}
	for _, event := range []string{"", "{", `{"a`, `{"a":` + big, `[` + big, big + `"`, `}` + big, `{` + big + `}`, `[,` + big + `]`,
		`\` + big, `"\`} {
		if out, err := m.Transform(t.Context(), input(event)); err == nil {
			t.Errorf("%q: %s, want a mistake", event, out.Body)
		}
	}
}

// A script gets the integers of its configuration with all their digits, too.
func TestScriptsKeepLongIntegersOfTheirConfiguration(t *testing.T) {
	const channel, more = "1234567890123456789", `[-12345678901234567890,1.5,{"n":7}]`
	const with = `{"channel":` + channel + `,"more":` + more + `}`
	o := wasm.Options{With: map[string]any{"channel": json.RawMessage(channel), "more": json.RawMessage(more)}}
	m, _, err := loadScript(t, scriptSandbox(t), `const { channel } = config; export default e => ({ ...config, channel })`, o)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := m.Transform(t.Context(), input("{}")); err != nil || string(out.Body) != with {
		t.Errorf("%s, %v, want %s", out.Body, err, with)
	}
}

// A long integer costs little beside the rest of an event, so that the default fuel is enough for an event of many members.
func TestLongIntegersAreCheap(t *testing.T) {
	m, _, err := loadScript(t, scriptSandbox(t), `export default e => e.list.length`, wasm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fuel := func(number string) int64 {
		list := strings.Repeat(`{"name":"x","n":1},`, 500)
		out, err := m.Transform(t.Context(), input(fmt.Sprintf(`{"at":%s,"list":[%s{"at":%[1]s}]}`, number, list)))
		if err != nil || string(out.Body) != "501" {
			t.Errorf("%s: %s, %v", number, out.Body, err)
		}
		return out.Fuel
	}
	if without, with := fuel("1764400000123"), fuel("1764400000123456789"); with > without*5/4 {
		t.Errorf("%d fuel, without long integers %d: want at most a quarter more", with, without)
	}
}
