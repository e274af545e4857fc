package api

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// Read decodes a call's body of up to limit bytes. An unknown member is an error. So is a repeated one, since the client may mean either.
func Read(r *http.Request, limit int64, into any) error {
	text, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("over %d bytes", limit)
	}
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		err = d.Decode(into)
		if _, more := d.Token(); err == nil && !errors.Is(more, io.EOF) { // nothing may follow
			err = errors.New("more than one value")
		}
	}
	if err == nil {
		err = refuseTwice(text)
	}
	if err != nil {
		return badCall{fmt.Errorf("the body: %s", inWords(err))}
	}
	return nil
}

// refuseTwice returns an error if an object has a member twice, or one of its members does. Decoding ignores the case of names.
func refuseTwice(text []byte) error {
	if jsonbytes.KindOf(bytes.TrimSpace(text)) != "an object" {
		return nil
	}
	seen := map[string]bool{}
	r := jsonbytes.NewReader(text)
	return r.Members(func(raw []byte) error {
		name := strings.ToLower(string(raw))
		if seen[name] {
			return fmt.Errorf("%s: given twice", name)
		}
		seen[name] = true
		inner, err := r.Raw()
		if err == nil {
			err = refuseTwice(inner)
		}
		return err
	})
}

// inWords says what is wrong with a body, without names of this program's types.
func inWords(err error) string {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	var packed base64.CorruptInputError
	switch {
	case errors.Is(err, io.EOF):
		return "empty"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends in the middle of a value"
	case errors.As(err, &syntax):
		return fmt.Sprintf("invalid JSON at byte %d: %s", syntax.Offset, syntax.Error())
	case errors.As(err, &packed):
		return "a value is not base64"
	case errors.As(err, &wrong):
		got, _, _ := strings.Cut(wrong.Value, " ") // a number is followed by its digits
		text := "want " + kindName(wrong.Type) + ", got " + valueName(got)
		if wrong.Field != "" {
			text = wrong.Field + ": " + text
		}
		return text
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

var kindNames = map[reflect.Kind]string{
	reflect.Bool: "true or false", reflect.String: "a string", reflect.Struct: "an object", reflect.Map: "an object",
	reflect.Slice: "a list", reflect.Int: "a whole number", reflect.Int64: "a whole number",
}

// kindName names the JSON values that a type is made of.
func kindName(t reflect.Type) string {
	if t == reflect.TypeFor[[]byte]() {
		return "a string of base64"
	}
	return kindNames[t.Kind()]
}

// valueName names a JSON value by encoding/json's word for it.
func valueName(word string) string {
	names := map[string]string{"array": "a list", "object": "an object", "bool": "true or false"}
	return cmp.Or(names[word], "a "+word)
}
