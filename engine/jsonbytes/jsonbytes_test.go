package jsonbytes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/google/go-cmp/cmp"
)

var texts = []string{
	"", " ", "{}", "[]", "null", "true", "1", `"x"`,
	` {"a" : [1, -2.50, 1e400, 123456789012345678901], "b\u0022" : {"c": "é\ud83d\ude00\n"}} `,
	`{"a":1,"a":2}`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{"a":1 2}`, `{"a":tru}`, `{"a":01}`, `{"a" 1}`, `{"a":1 "b":2}`,
	`{1:1}`,
	`{,}`,
	`[1,]`, `[1`, `[,]`, `[1 2]`, `{} {}`, `{}x`, `{"a":1}]`, `-`, `-0.5e-7`, `1.`, `1e+`, `00`, `nul`,
	`"x`, "\"\x01\"", "\"\xff\"", "{\"\xff\":1,\"\xfe\":{\"\xe2\x82\":2}}", "\uFEFF{}", `"\ud800"`, `{"\udc00":"\ud800x\ud83d\ude00"}`,
	`[18446744073709551615,18446744073709551616,-0,-9223372036854775808,-9223372036854775809,1E400,-1e400,5e-324]`,
	`"\u12"`, `"\u12G4"`, `"\x"`, `"\`, "\"a\nb\"",
	strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999), strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001),
}

// FuzzReader checks that the reader accepts what encoding/json and jsontext accept, decodes it to the same value, reads it member by
// member as it does at once, says of a part of a text that its end is missing, and does not change the text.
func FuzzReader(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		kept := bytes.Clone(text)
		err := jsonbytes.Check(text)
		if valid := json.Valid(text); (err == nil) != valid {
			t.Fatalf("Check: %v, json.Valid says %v", err, valid)
		}
		value := jsontext.Value(bytes.Clone(text)) // IsValid may change its bytes
		if valid := value.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); (err == nil) != valid {
			t.Fatalf("Check: %v, jsontext says %v", err, valid)
		}
		v, decodeErr := jsonbytes.Decode(text)
		if walked := walk(text); (decodeErr == nil) != (err == nil) || (walked == nil) != (err == nil) {
			t.Fatalf("Decode: %v, member by member: %v, Check: %v", decodeErr, walked, err)
		}
		if err == nil {
			compare(t, text, v)
			compare(t, text, jsonbytes.ValueOf(bytes.TrimSpace(text)))
			for at := 0; at < len(bytes.TrimRight(text, " \t\r\n")); at += 1 + len(text)/64 {
				if err := jsonbytes.Check(text[:at]); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%q: %v, want that its end is missing", text[:at], err)
				}
			}
		}
		for _, err := range []error{err, decodeErr} {
			if at, isInvalid := errors.AsType[*jsonbytes.InvalidError](err); err != nil && (!isInvalid || at.Byte < 0 || at.Byte > len(text)) {
				t.Errorf("%q: %#v, want a byte of the text", text, err)
			}
		}
		if !bytes.Equal(kept, text) {
			t.Error("reading changed the text")
		}
	})
}

// walk reads a text member by member and element by element.
func walk(text []byte) error {
	r := jsonbytes.NewReader(text)
	var value func() error
	value = func() error {
		switch rest := bytes.TrimLeft(text[r.Offset():], " \t\r\n:,"); {
		case bytes.HasPrefix(rest, []byte("{")):
			return r.Members(func([]byte) error { return value() })
		case bytes.HasPrefix(rest, []byte("[")):
			return r.Elements(value)
		}
		_, err := r.Raw()
		return err
	}
	return errors.Join(value(), r.End())
}

// compare compares the value with that of encoding/json.
func compare(t *testing.T, text []byte, got any) {
	var want any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&want); err != nil {
		t.Fatal(err)
	}
	if !same(want, got) {
		t.Errorf("%q: %v, want %v", text, got, want)
	}
}

func same(want, got any) bool {
	switch want := want.(type) {
	case json.Number:
		if i, isInt := got.(int); isInt {
			whole, err := want.Int64()
			return err == nil && whole == int64(i)
		}
		if i, isInt := got.(uint64); isInt {
			return want.String() == strconv.FormatUint(i, 10)
		}
		f, _ := want.Float64() // infinite if out of range
		return max(-math.MaxFloat64, min(f, math.MaxFloat64)) == got
	case map[string]any:
		m, isMap := got.(map[string]any)
		for name, v := range want {
			if !same(v, m[name]) {
				return false
			}
		}
		return isMap && len(m) == len(want)
	case []any:
		list, isList := got.([]any)
		return isList && slices.EqualFunc(want, list, same)
	}
	return want == got
}

// Raw values are parts of the text, and names are decoded.
func TestMembers(t *testing.T) {
	text := []byte(` { "a" : 1.50 , "b\u0022": [ 1, "\u00e9" ],"c":{} } `)
	r := jsonbytes.NewReader(text)
	var got []string
	err := r.Members(func(name []byte) error {
		raw, err := r.Raw()
		got = append(got, string(name), string(raw))
		return err
	})
	if err == nil {
		err = r.End()
	}
	want := []string{"a", "1.50", `b"`, `[ 1, "\u00e9" ]`, "c", "{}"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// Errors name the byte, counted from 1.
func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,"b`:    "invalid JSON at byte 9: unexpected EOF",
		``:             "invalid JSON at byte 0: unexpected EOF",
		`{"a":}`:       "invalid JSON at byte 6: invalid character '}' at start of value",
		`{"a" 1}`:      "invalid JSON at byte 6: invalid character '1' after object name (expecting ':')",
		`{"a":1,}`:     "invalid JSON at byte 7: invalid character ',' at start of value",
		`{"a":1 2}`:    "invalid JSON at byte 8: invalid character '2' after object value (expecting ',' or '}')",
		`{"a":1} tail`: "invalid JSON at byte 9: invalid character 't' after top-level value",
		`{"a":1}{}`:    "invalid JSON at byte 8: invalid character '{' after top-level value",
	} {
		if _, err := jsonbytes.Decode([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if err := jsonbytes.NewReader([]byte("[]")).Members(nil); err == nil || err.Error() != "want an object, got a list" {
		t.Errorf("members of a list: %v", err)
	}
}

// Written values are read back unchanged, and only what JSON requires is escaped.
func TestWrite(t *testing.T) {
	var o jsonbytes.Object
	o.Text("none", "")
	o.Raw("none", nil)
	if o != nil {
		t.Errorf("%s, want nothing", o)
	}
	o.Text("te\"xt", "<&>\u2028 \t\r\n\x00\x7f é \xff")
	o.Raw("raw", []byte("1.50"))
	o.Int("int", -7)
	want := "{\"te\\\"xt\":\"<&>\u2028 \\t\\r\\n\\u0000\x7f é \uFFFD\",\"raw\":1.50,\"int\":-7}"
	if string(o) != want {
		t.Errorf("%s, want %s", o, want)
	}
	empty := jsonbytes.Object("{}")
	if empty.Int("n", 1); string(empty) != `{"n":1}` {
		t.Errorf("%s", empty)
	}
	kinds := map[string]string{
		`{}`: "an object", `[]`: "a list", `""`: "a string", `false`: "a boolean", `null`: "null", `-1`: "a number", `1`: "a number",
		``: "nothing",
	}
	for raw, want := range kinds {
		if got := jsonbytes.KindOf([]byte(raw)); got != want {
			t.Errorf("KindOf(%s) = %s, want %s", raw, got, want)
		}
	}
}

// BenchmarkReader reads the members of AWF's recorded lines, and compares that with json.Valid, which only checks.
func BenchmarkReader(b *testing.B) {
	files, _ := filepath.Glob("../../testdata/events/*.jsonl")
	var lines [][]byte
	size := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			lines = append(lines, line)
			size += len(line)
		}
	}
	measure := func(name string, read func(line []byte) error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for _, line := range lines {
					if err := read(line); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
	r := new(jsonbytes.Reader)
	measure("members", func(line []byte) error {
		r.Reset(line)
		err := r.Members(func([]byte) error {
			_, err := r.Raw()
			return err
		})
		if err != nil {
			return err
		}
		return r.End()
	})
	measure("json.Valid", func(line []byte) error {
		if !json.Valid(line) {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
}

// AppendString writes a text without escapes by itself, and every other text as jsontext does.
func TestAppendStringIsJSONTexts(t *testing.T) {
	for r := rune(0); r < 0x300; r++ {
		for _, s := range []string{string(r), "a" + string(r) + "b", string([]byte{byte(r)})} {
			want, _ := jsontext.AppendQuote(nil, s)
			if got := jsonbytes.AppendString(nil, s); string(got) != string(want) {
				t.Errorf("AppendString(%q) = %s, want %s", s, got, want)
			}
		}
	}
}

// Scan reads what Print writes.
func TestScanReadsWhatPrintWrites(t *testing.T) {
	type value struct {
		Took  time.Duration `json:"took"`
		Skew  time.Duration `json:"skew,omitzero"`
		Body  []byte        `json:"body"`
		At    time.Time     `json:"at"`
		Inner *value        `json:"inner,omitzero"`
	}
	want := value{
		Took: 1234567891 * time.Nanosecond, Body: []byte("é\x00\"<"), At: time.Date(2026, 11, 24, 1, 2, 3, 456, time.UTC),
		Inner: &value{Took: -time.Hour, Skew: 1, Body: []byte{}},
	}
	text, err := jsonbytes.Print(want, "", "")
	if err != nil {
		t.Fatal(err)
	}
	var got value
	if err := jsonbytes.Scan(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: %s is read as %+v, want %+v", err, text, got, want)
	}
}

// Parameters say nothing about whether a body is JSON, whatever they are.
func TestTypesThatAreJSON(t *testing.T) {
	for typ, want := range map[string]bool{
		"": true, "application/json": true, "Application/JSON": true, "application/problem+json": true, " application/json ": true,
		"text/plain": false, "application/jsonish": false, "text/json": false, "json": false, "application/json/x": false,
	} {
		for _, parameters := range []string{"", "; charset=utf-8", ";", ";;", "; charset", "; a=1; a=2", "; a=b c", `; a="`} {
			if typ == "" && parameters != "" {
				want = false
			}
			if got := jsonbytes.IsType(typ + parameters); got != want {
				t.Errorf("%q: %v, want %v", typ+parameters, got, want)
			}
		}
	}
}
