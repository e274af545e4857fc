package jsonbytes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Strict reads a value that a client wrote into the one that v points to. An unknown field is an error. So is a repeated one, since the
// client may mean either. Errors name the field, and no type of this program.
func Strict(text []byte, v any) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return errors.New("empty")
	}
	err := jsonv2.Unmarshal(text, v, jsonv2.RejectUnknownMembers(true))
	syntax, isSyntax := errors.AsType[*jsontext.SyntacticError](err)
	wrong, isWrong := errors.AsType[*jsonv2.SemanticError](err)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends in the middle of a value")
	case errors.Is(err, jsontext.ErrDuplicateName) && isSyntax:
		return fmt.Errorf("%sgiven twice", fieldOf(syntax.JSONPointer))
	case isSyntax:
		return &InvalidError{Byte: int(syntax.ByteOffset) + 1, Err: syntax.Err}
	case errors.Is(err, jsonv2.ErrUnknownName) && isWrong:
		return fmt.Errorf("%sunknown field", fieldOf(wrong.JSONPointer))
	case isWrong:
		return fmt.Errorf("%swant %s, got %s", fieldOf(wrong.JSONPointer), wanted(wrong.GoType), kindNames[wrong.JSONKind])
	}
	return err
}

// fieldOf returns the beginning of an error about a field; "" for the whole value.
func fieldOf(place jsontext.Pointer) string {
	if place == "" {
		return ""
	}
	return strings.Join(slices.Collect(place.Tokens()), ".") + ": "
}

// wanted names the JSON values that a type is made of.
func wanted(t reflect.Type) string {
	if t == reflect.TypeFor[[]byte]() {
		return "a string of base64"
	}
	return map[reflect.Kind]string{
		reflect.Bool: "true or false", reflect.String: "a string", reflect.Struct: "an object", reflect.Map: "an object",
		reflect.Slice: "a list", reflect.Int: "a whole number", reflect.Int64: "a whole number",
	}[t.Kind()]
}
