package format_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/go-json-experiment/json/jsontext"
)

// No body has two members of one name, whatever the event's and the options' names are: receivers differ in which of them they read.
func TestNamesAreNotRepeated(t *testing.T) {
	long := strings.Repeat("n", 400)
	e := happened("custom", "deploy", "1", `{"Run":"a","Workflow":"b","run":"c","More":"d","User":"e","workflow_id":"f","event":"g",`+
		`"workflow_name":"w","a\u0000":1,"a":2,"\u202ea":3,"`+long+`1":4,"`+long+`2":5,"awf_hook_cut":6,"error":"x","status":"failure"}`)
	for _, name := range format.Names() {
		kind, _ := format.Lookup(name)
		options := slices.Clone(required[name])
		for _, key := range kind.Keys {
			switch key.Name {
			case "action":
				options = append(options, option("action", "trigger"))
			case "fields", "details", "metadata":
				options = append(options, format.Option{Name: key.Name, Value: []format.Option{
					option("workflow_id", "1"), option("event", "2"), option("Run", "3"), option("Run ", "4"), option("R\x00un", "5"),
					option(long+"1", "6"), option(long+"2", "7"), option("workflow_name", "8"),
				}})
			case "variables":
				options = append(options, format.Option{Name: key.Name, Value: []format.Option{option("AWF_EVENT", "1"), option("AWF_RUN", "2")}})
			}
		}
		for _, with := range [][]format.Option{required[name], options, slices.DeleteFunc(slices.Clone(options), func(o format.Option) bool {
			return slices.Contains([]string{"fields", "details", "metadata", "variables"}, o.Name)
		})} {
			c := content(t, open(t, name, with...), e)
			if c.Body == nil || strings.HasPrefix(c.ContentType, "application/x-www-form") {
				continue
			}
			body := jsontext.Value(slices.Clone(c.Body))
			if err := body.Compact(jsontext.AllowDuplicateNames(false)); err != nil {
				t.Errorf("%s: %v in %.300s", name, err, c.Body)
			}
		}
	}
}
