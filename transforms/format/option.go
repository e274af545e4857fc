package format

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/spelling"
)

// ValueKind is what an option's value is.
type ValueKind string

const (
	KindText   ValueKind = "text"             // may hold expressions
	KindSecret ValueKind = "secret"           // literal, and in no error
	KindList   ValueKind = "list of texts"    //
	KindFields ValueKind = "mapping of texts" // in its order
	KindNumber ValueKind = "number"
	KindBool   ValueKind = "true or false"
	KindChoice ValueKind = "choice"
)

// Key is an option that a format knows.
// The checks, "awf-hook formats" and docs/formats.md are made of it.
type Key struct {
	Name     string
	Kind     ValueKind
	Required bool
	Default  string   // as it would be written, or in words; "" for none
	Choices  []string // of a choice; of a text, what it may be where it is no expression
	Min, Max int      // of numbers; Max is also of a list's and a mapping's entries
	Is       string   // what it says

	match  func(string) bool // what its texts, or a mapping's labels, must be; nil for anything
	want   string            // what match wants, in words
	closed bool              // an expression too must give one of the choices
}

// Describe is what the value is, its bounds and its default, in words.
func (k *Key) Describe() string {
	s := string(k.Kind)
	switch {
	case len(k.Choices) > 0 && k.Kind == KindText:
		s = strings.Join(k.Choices, ", ") + " or an expression"
	case len(k.Choices) > 0:
		s = strings.Join(k.Choices[:len(k.Choices)-1], ", ") + " or " + k.Choices[len(k.Choices)-1]
	case k.Kind == KindNumber:
		s += fmt.Sprintf(", %d to %d", k.Min, k.Max)
	case k.Max > 0:
		s += fmt.Sprintf(", at most %d", k.Max)
	}
	switch {
	case k.Required:
		s += "; must be given"
	case k.Default != "":
		s += "; default: " + k.Default
	}
	return s
}

// Option is a value that the configuration gives.
type Option struct {
	Name string
	// A string, bool, int or float64, a []any of them, or an []Option for a mapping in its order.
	Value any
	// The value depends on something that is not known, such as a variable that is not set: only its name is checked.
	Unresolved bool
}

// Mistake is what is wrong with an option. Its message never quotes a secret.
type Mistake struct {
	Option    string // "fields.Cost", "mentions[1]"; "" for the options as a whole
	Message   string
	Line, Col int // inside the option's text, the line from 1, the column from 0; 0, 0 for the whole value
}

// value is a checked option.
type value struct {
	text   *text
	secret string
	list   []*text
	fields []labelled
	number int
	bool   bool
	choice string
}

type labelled struct {
	label string
	text  *text
}

// read checks the options against the receiver's table.
func (f *Format) read(with []Option, by *expression.Compiler) []Mistake {
	r := &optionReader{format: f, by: by}
	seen := map[string]bool{}
	for _, option := range with {
		i := slices.IndexFunc(f.Receiver.Keys, func(k Key) bool { return k.Name == option.Name })
		switch {
		case i < 0:
			r.fail(option.Name, "%s", f.Receiver.unknownOption(option.Name))
		case seen[option.Name]:
			r.fail(option.Name, "stands twice")
		case option.Unresolved:
		default:
			f.values[option.Name] = r.value(&f.Receiver.Keys[i], option)
		}
		seen[option.Name] = true
	}
	for _, key := range f.Receiver.Keys {
		if key.Required && !seen[key.Name] {
			r.fail("", "%s must be given: %s", key.Name, key.Is)
		}
	}
	return r.mistakes
}

func (r *Receiver) unknownOption(name string) string {
	var names []string
	for _, key := range r.Keys {
		names = append(names, key.Name)
	}
	if near := spelling.Nearest(name, names); near != "" {
		return fmt.Sprintf("unknown option of %s, did you mean %s?", r.Name, near)
	}
	return fmt.Sprintf("unknown option of %s, want one of %s", r.Name, strings.Join(names, ", "))
}

type optionReader struct {
	format   *Format
	by       *expression.Compiler
	mistakes []Mistake
}

func (r *optionReader) fail(name, message string, args ...any) {
	r.mistakes = append(r.mistakes, Mistake{Option: name, Message: fmt.Sprintf(message, args...)})
}

func (r *optionReader) value(key *Key, option Option) value {
	var v value
	switch key.Kind {
	case KindText:
		v.text = r.text(key.Name, option.Value, key.Choices)
	case KindSecret:
		v.secret = r.secret(key.Name, option.Value)
	case KindList:
		v.list = r.list(key, option.Value)
	case KindFields:
		v.fields = r.fields(key, option.Value)
	case KindNumber:
		v.number = r.number(key, option.Value)
	case KindBool:
		b, ok := option.Value.(bool)
		if s, isText := option.Value.(string); isText && (s == "true" || s == "false") {
			b, ok = s == "true", true
		}
		if !ok {
			r.fail(key.Name, "want true or false")
		}
		v.bool = b
	case KindChoice:
		s, ok := option.Value.(string)
		s = strings.ToLower(s)
		if !ok || !slices.Contains(key.Choices, s) {
			r.fail(key.Name, "%s", wantChoice(key.Choices, option.Value))
		}
		v.choice = s
	}
	return v
}

func wantChoice(choices []string, got any) string {
	want := "want " + strings.Join(choices[:len(choices)-1], ", ") + " or " + choices[len(choices)-1]
	s, ok := got.(string)
	if !ok {
		return want
	}
	if near := spelling.Nearest(s, choices); near != "" {
		return fmt.Sprintf("%s, got %q, did you mean %s?", want, shorten(s), near)
	}
	return fmt.Sprintf("%s, got %q", want, shorten(s))
}

// shorten keeps an error's quotation of an option readable.
func shorten(s string) string {
	const limit = 40 // bytes
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// text compiles what may be an expression.
func (r *optionReader) text(name string, v any, choices []string) *text {
	source, ok := scalarText(v)
	if !ok {
		r.fail(name, "want a text, got %s", kindName(v))
		return nil
	}
	t, mistake := compileText(source, r.by)
	if mistake != nil {
		mistake.Option = name
		r.mistakes = append(r.mistakes, *mistake)
		return nil
	}
	if t.isLiteral() && len(choices) > 0 {
		if t.literal = strings.ToLower(t.literal); !slices.Contains(choices, t.literal) {
			r.fail(name, "%s, or an expression", wantChoice(choices, source))
		}
	}
	return t
}

func (r *optionReader) secret(name string, v any) string {
	s, ok := scalarText(v)
	switch {
	case !ok:
		r.fail(name, "want a secret, got %s", kindName(v))
	case s == "":
		r.fail(name, "want a secret, got an empty text")
	}
	return s
}

func (r *optionReader) list(key *Key, v any) []*text {
	entries, ok := v.([]any)
	switch {
	case !ok:
		r.fail(key.Name, "want a list, got %s", kindName(v))
	case len(entries) > key.Max:
		r.fail(key.Name, "want at most %d entries, got %d", key.Max, len(entries))
	default:
		var list []*text
		for i, entry := range entries {
			list = append(list, r.text(fmt.Sprintf("%s[%d]", key.Name, i), entry, nil))
		}
		return list
	}
	return nil
}

func (r *optionReader) fields(key *Key, v any) []labelled {
	entries, ok := v.([]Option)
	switch {
	case !ok:
		r.fail(key.Name, "want a mapping, got %s", kindName(v))
	case len(entries) > key.Max:
		r.fail(key.Name, "want at most %d entries, got %d", key.Max, len(entries))
	default:
		fields := []labelled{}
		for _, entry := range entries {
			if entry.Unresolved {
				continue
			}
			if strings.TrimSpace(entry.Name) == "" {
				r.fail(key.Name, "want a label, got an empty one")
			}
			fields = append(fields, labelled{entry.Name, r.text(key.Name+"."+entry.Name, entry.Value, nil)})
		}
		return fields
	}
	return nil
}

func (r *optionReader) number(key *Key, v any) int {
	n, ok := v.(int)
	if s, isText := v.(string); isText {
		parsed, err := strconv.Atoi(s)
		n, ok = parsed, err == nil
	}
	switch {
	case !ok:
		r.fail(key.Name, "want a number from %d to %d", key.Min, key.Max)
	case n < key.Min || n > key.Max:
		r.fail(key.Name, "want %d to %d, got %d", key.Min, key.Max, n)
	}
	return n
}

// scalarText is a scalar as its writer sees it.
func scalarText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

func kindName(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case []any:
		return "a list"
	case []Option:
		return "a mapping"
	}
	return "a scalar"
}
