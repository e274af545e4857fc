// Package schema makes JSON Schemas of Go types, as jsonbytes.Print writes their values.
package schema

import (
	"encoding"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// Schema is a JSON Schema, or a part of one. The zero value allows anything.
type Schema struct {
	Draft       string     `json:"$schema,omitempty"`
	Title       string     `json:"title,omitempty"`
	Description string     `json:"description,omitempty"`
	Type        string     `json:"type,omitempty"`
	Format      string     `json:"format,omitempty"`
	Enum        []string   `json:"enum,omitempty"`
	Items       *Schema    `json:"items,omitempty"`
	Properties  Properties `json:"properties,omitempty"`
	Required    []string   `json:"required,omitempty"`
	Additional  any        `json:"additionalProperties,omitempty"` // false, or a *Schema
	AnyOf       []*Schema  `json:"anyOf,omitempty"`
}

// Properties are an object's, in the order of its fields.
type Properties []Property

// Property is a field of an object.
type Property struct {
	Name string
	*Schema
}

// MarshalJSON implements [json.Marshaler].
func (list Properties) MarshalJSON() ([]byte, error) {
	o := jsonbytes.Object("{}")
	for _, p := range list {
		value, err := json.Marshal(p.Schema)
		if err != nil {
			return nil, err
		}
		o.Raw(p.Name, value)
	}
	return o, nil
}

// Maker makes schemas.
type Maker struct {
	Of    map[reflect.Type]*Schema     // types that write their own JSON
	Means func(of, name string) string // the meaning of a field by the name of its struct and its own
}

// Object is the schema of a struct: it has no other fields, and always those that no tag leaves out.
func (m *Maker) Object(typ reflect.Type) *Schema {
	s := &Schema{Type: "object", Additional: false}
	m.fields(s, typ, true)
	return s
}

// fields adds the fields of a struct, and those of the structs that it embeds. Those of a pointer are missing together.
func (m *Maker) fields(s *Schema, typ reflect.Type, required bool) {
	for f := range typ.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Pointer:
			m.fields(s, f.Type.Elem(), false)
		case f.Anonymous && name == "":
			m.fields(s, f.Type, required)
		case name != "" && name != "-" && f.IsExported():
			s.Properties = append(s.Properties, Property{name, m.described(typ.Name(), name, f.Type)})
			if required && !strings.Contains(options, "omit") {
				s.Required = append(s.Required, name)
			}
		}
	}
}

// described is the schema of the type of a struct's field, with the field's meaning.
func (m *Maker) described(of, name string, typ reflect.Type) *Schema {
	s := *m.value(typ)
	s.Description = m.Means(of, name)
	if typ == duration {
		s.Description += ", in seconds"
	}
	return &s
}

var (
	duration = reflect.TypeFor[time.Duration]()
	text     = reflect.TypeFor[encoding.TextMarshaler]()
)

// value is the schema of a type's values.
func (m *Maker) value(typ reflect.Type) *Schema {
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if own := m.Of[typ]; own != nil {
		return own
	}
	switch {
	case typ == reflect.TypeFor[time.Time]():
		return &Schema{Type: "string", Format: "date-time"}
	case typ == duration:
		return &Schema{Type: "number"}
	case typ == reflect.TypeFor[http.Header]():
		return &Schema{Type: "object", Additional: &Schema{Type: "string"}}
	case typ == reflect.TypeFor[[]byte](), typ.Implements(text):
		return &Schema{Type: "string"}
	}
	switch typ.Kind() {
	case reflect.String:
		return &Schema{Type: "string"}
	case reflect.Bool:
		return &Schema{Type: "boolean"}
	case reflect.Slice:
		return &Schema{Type: "array", Items: m.value(typ.Elem())}
	case reflect.Map:
		return &Schema{Type: "object", Additional: m.value(typ.Elem())}
	case reflect.Struct:
		return m.Object(typ)
	case reflect.Interface:
		return &Schema{}
	case reflect.Float64:
		return &Schema{Type: "number"}
	}
	return &Schema{Type: "integer"}
}
