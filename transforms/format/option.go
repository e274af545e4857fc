package format

import (
	"fmt"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/awf-project/awf-hook/engine/spelling"
)

// ValueKind is the kind of an option's value.
type ValueKind string

const (
	KindText   ValueKind = "text"   // may hold expressions
	KindSecret ValueKind = "secret" // literal, and in no error
	KindList   ValueKind = "list of texts"
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
	Default  string   // as written in a file, or in words; "" for none
	Choices  []string // of a choice; of a text that is not an expression
	Min, Max int      // of numbers; Max is also of a list's and a mapping's entries
	Is       string   // what it means

	match  func(string) bool // accepts its texts, or a mapping's labels; nil for any
	want   string            // what match accepts, in words
	closed bool              // an expression too must give one of the choices
}

// Describe returns the kind of the value, its bounds and its default, in words.
func (k *Key) Describe() string {
	s := string(k.Kind)
	switch {
	case len(k.Choices) > 0 && k.Kind == KindText:
		s = strings.Join(k.Choices, ", ") + " or an expression"
	case len(k.Choices) > 0:
		s = spelling.Join("or", k.Choices)
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
	// A string for a text, a secret or a choice, a []string for a list, an []Option of strings for a mapping in its order,
	// an int for a number, a bool for a switch.
	Value any
	// Unresolved means that the value depends on something unknown, such as an unset variable. Only the name is checked then.
	Unresolved bool
}

// Mistake is a mistake in an option. Its message never quotes a secret option.
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
			r.fail(option.Name, "given twice")
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
	return "unknown option of " + r.Name + spelling.Hint(name, names)
}

type optionReader struct {
	format   *Format
	by       *expression.Compiler
	mistakes []Mistake
}

func (r *optionReader) fail(name, message string, args ...any) {
	r.mistakes = append(r.mistakes, Mistake{Option: name, Message: fmt.Sprintf(message, args...)})
}

// value checks an option, whose value must be of its key's kind.
func (r *optionReader) value(key *Key, option Option) (v value) {
	text, isText := option.Value.(string)
	list, isList := option.Value.([]string)
	fields, isFields := option.Value.([]Option)
	number, isNumber := option.Value.(int)
	on, isBool := option.Value.(bool)
	switch {
	case isText && key.Kind == KindText:
		v.text = r.text(key, key.Name, text)
	case isText && key.Kind == KindSecret:
		if v.secret = text; text == "" {
			r.fail(key.Name, "want a secret, got an empty text")
		} else if key.match != nil && !key.match(text) {
			r.fail(key.Name, "want %s", key.want)
		}
	case isText && key.Kind == KindChoice:
		if v.choice = strings.ToLower(text); !slices.Contains(key.Choices, v.choice) {
			r.fail(key.Name, "%s", wantChoice(key.Choices, text))
		}
	case isNumber && key.Kind == KindNumber:
		if v.number = number; number < key.Min || number > key.Max {
			r.fail(key.Name, "want %d to %d, got %d", key.Min, key.Max, number)
		}
	case isBool && key.Kind == KindBool:
		v.bool = on
	case (isList || isFields) && key.Max > 0 && len(list)+len(fields) > key.Max:
		r.fail(key.Name, "want at most %d entries, got %d", key.Max, len(list)+len(fields))
	case isList && key.Kind == KindList:
		for i, entry := range list {
			v.list = append(v.list, r.text(key, fmt.Sprintf("%s[%d]", key.Name, i), entry))
		}
	case isFields && key.Kind == KindFields:
		v.fields = r.fields(key, fields)
	default:
		r.fail(key.Name, "want %s, got %T", key.Kind, option.Value)
	}
	return v
}

// maxQuoted is how much of an option an error quotes, in bytes.
const maxQuoted = 40

func wantChoice(choices []string, got string, others ...string) string {
	want := spelling.Join("or", slices.Concat(choices, others))
	return fmt.Sprintf("want %s, got %q%s", want, legible.Shorten(got, maxQuoted), spelling.Suggest(got, choices))
}

// text compiles a text that may have expressions. A text that is the same for all events must be one that its key allows.
func (r *optionReader) text(key *Key, name, source string) *text {
	t, mistake := compileText(source, r.by)
	if mistake != nil {
		mistake.Option = name
		r.mistakes = append(r.mistakes, *mistake)
		return nil
	}
	constant, isConstant := t.constant()
	isChoice := slices.Contains(key.Choices, strings.ToLower(constant))
	switch {
	case t.isLiteral() && len(key.Choices) > 0:
		if t.literal = strings.ToLower(t.literal); !isChoice {
			r.fail(name, "%s", wantChoice(key.Choices, source, "an expression"))
		}
	case !isConstant || constant == "" && !key.Required:
	case key.match != nil && !key.match(constant):
		r.fail(name, "%s", wantMatch(key, constant))
	case key.closed && !isChoice:
		r.fail(name, "%s", wantChoice(key.Choices, constant))
	}
	return t
}

func (r *optionReader) fields(key *Key, entries []Option) []labelled {
	fields := []labelled{}
	for _, entry := range entries {
		if entry.Unresolved {
			continue
		}
		if strings.TrimSpace(entry.Name) == "" {
			r.fail(key.Name, "want a label, got an empty one")
		}
		name := key.Name + "." + entry.Name
		if key.match != nil && !key.match(entry.Name) {
			r.fail(name, "%s", wantMatch(key, entry.Name))
		}
		source, isText := entry.Value.(string)
		if !isText {
			r.fail(name, "want text, got %T", entry.Value)
		}
		fields = append(fields, labelled{entry.Name, r.text(&Key{}, name, source)})
	}
	return fields
}
