package main

import (
	"io"
	"log/slog"
	"maps"
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/schema"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// The API describes the values that commands print too as the commands' schemas do: the same fields, of the same types.
func TestAPIAndCommandsHaveTheSameSchemas(t *testing.T) {
	answer := httptest.NewRecorder()
	api.New(nil, slog.New(slog.NewTextHandler(io.Discard, nil))).ServeHTTP(answer, httptest.NewRequest("GET", "/v1/openapi.yaml", nil))
	type object struct {
		Type       string
		Required   []string
		Properties map[string]struct{ Type, Format string }
	}
	var document struct {
		Components struct{ Schemas map[string]object }
	}
	if err := yaml.Unmarshal(answer.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]any{
		"Item": api.Item{}, "Detail": api.Detail{}, "Attempt": delivery.Attempt{}, "Phases": delivery.Phases{}, "Lane": api.Lane{},
		"Operation": engine.Operation{},
	} {
		described, own := document.Components.Schemas[name], maker().Object(reflect.TypeOf(of))
		want := map[string]string{}
		for _, p := range own.Properties {
			want[p.Name] = kindOfProperty(p.Schema)
		}
		got := map[string]string{}
		for field, p := range described.Properties {
			if got[field] = p.Type; p.Format == "date-time" {
				got[field] = p.Format
			}
			if got[field] == "" { // a reference
				got[field] = want[field]
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-command +API):\n%s", name, diff)
		}
		slices.Sort(described.Required)
		slices.Sort(own.Required)
		if diff := cmp.Diff(own.Required, described.Required); diff != "" {
			t.Errorf("%s: required fields (-command +API):\n%s", name, diff)
		}
	}
}

func kindOfProperty(s *schema.Schema) string {
	if s.Format != "" {
		return s.Format
	}
	return s.Type
}

// Each schema describes each of its fields.
func TestSchemasSayWhatFieldsAre(t *testing.T) {
	for _, path := range slices.Sorted(maps.Keys(outputs)) {
		s, _ := schemaOf(path)
		for _, alternative := range append(s.AnyOf, s) {
			for _, f := range fieldsOf(alternative, "") {
				if f.means == "" {
					t.Errorf("%s: %s is not in the glossary", path, f.path)
				}
			}
		}
	}
}
