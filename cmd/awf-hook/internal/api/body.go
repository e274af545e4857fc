package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
)

// Read decodes a call's body of up to limit bytes.
func Read(r *http.Request, limit int64, into any) error {
	body := &io.LimitedReader{R: r.Body, N: limit + 1}
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) { // nothing may follow
			err = errors.New("more than one value")
		}
	}
	if body.N == 0 {
		err = fmt.Errorf("over %d bytes", limit)
	}
	if err != nil {
		return badCall{fmt.Errorf("the body: %s", inWords(err))}
	}
	return nil
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

// kindName names the JSON values that a type is made of.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a string of base64"
		}
		return "a list"
	}
	return "a whole number"
}

// valueName names a JSON value by encoding/json's word for it.
func valueName(word string) string {
	switch word {
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "bool":
		return "true or false"
	}
	return "a " + word
}
