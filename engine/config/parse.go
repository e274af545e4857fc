package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/awf-project/awf-hook/engine/file"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/engine/spelling"
	"gopkg.in/yaml.v3"
)

// Env looks up a variable for ${VAR}; os.LookupEnv is one.
type Env func(name string) (value string, set bool)

// NoEnv stands for variables that are not looked up: each ${VAR} is as good as set.
// It is for checking a file where its variables are not at hand; what it gives is not for use.
var NoEnv Env

// Load reads one configuration file. Its mistakes are [Errors]; what could be read beside them is returned too, for further checks.
func Load(path string, env Env) (*Config, error) { return load(path, UserFile, env) }

func load(path string, origin Origin, env Env) (*Config, error) {
	text, err := file.Read(path, origin.limit())
	if tooLarge := (*file.TooLarge)(nil); errors.As(err, &tooLarge) {
		return parse(path, make([]byte, origin.limit()+1), origin, env) // which says so in its own words
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return parse(path, text, origin, env)
}

// Parse reads a configuration from text; file is its name in errors and webhooks' identities. Its mistakes are [Errors];
// what could be read beside them is returned too, for further checks.
func Parse(file string, text []byte, env Env) (*Config, error) {
	return parse(file, text, UserFile, env)
}

func parse(name string, text []byte, origin Origin, env Env) (*Config, error) {
	d := &decoder{file: name, origin: origin, env: env, lines: strings.Split(string(text), "\n")}
	if abs, err := filepath.Abs(name); err == nil {
		d.identity = abs
	}
	cfg := &Config{Files: []string{name}}
	if root := d.document(text); root != nil {
		if origin == WorkflowFile {
			d.definition(root, cfg)
		} else {
			d.checkTags(root, "")
			mapping(d, root, "", rootKeys, cfg)
		}
	}
	d.checkHTTPSOnly(cfg)
	if len(d.errs)+len(d.warnings) > 0 {
		keepInside(text, d.errs, d.warnings)
	}
	cfg.Warnings, cfg.used = d.warnings, d.usedBeside
	if len(d.errs) > 0 {
		d.errs.Sort()
		return cfg, d.errs
	}
	return cfg, nil
}

// definition reads a workflow's definition, in which only webhooks is ours.
func (d *decoder) definition(n *yaml.Node, cfg *Config) {
	if n = resolve(n); n.Kind != yaml.MappingNode {
		return // AWF itself says what is wrong
	}
	line := 0 // of the key webhooks
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		switch name := key.Value; {
		case name == "webhooks" && line > 0:
			d.fail(key, name, "stands twice, first in line %d", line)
		case name == "webhooks":
			line = key.Line
			d.checkTags(n.Content[i+1], name)
			d.webhooks(value, name, cfg)
		case spelling.Nearest(name, []string{"webhooks"}) != "":
			d.fail(key, join("", name), "unknown key, did you mean webhooks?")
		}
	}
}

// checkHTTPSOnly refuses http URLs where https_only says so.
func (d *decoder) checkHTTPSOnly(cfg *Config) {
	if cfg.HTTPSOnly {
		d.errs = append(d.errs, httpURLs(cfg.Webhooks, cfg.httpsOnlyAt)...)
	}
}

func httpURLs(webhooks []Webhook, because Pos) Errors {
	var mistakes Errors
	for _, w := range webhooks {
		if w.Enabled && w.URL.Reveal().Scheme == "http" {
			mistakes = append(mistakes, w.FailURL(fmt.Sprintf("want https, since network.https_only is set in %s:%d", because.File, because.Line)))
		}
	}
	return mistakes
}

// Sort orders the mistakes by their places.
func (es Errors) Sort() {
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
}

// decoder walks the YAML tree and collects the mistakes that it meets.
type decoder struct {
	file     string
	origin   Origin
	identity string   // the file's absolute path
	lines    []string // of the file
	env      Env
	errs     Errors
	warnings Errors
	allNodes int // of the trees that were read

	used       []use           // the keys of the webhook that is being read
	known      []secret.Secret // its secret variables
	reads      []string        // the names of all its variables
	usedBeside []use           // the keys beside the webhooks
}

// maxMistakes is how many mistakes of a file are told. Reading stops there.
const maxMistakes = 1_000

func (d *decoder) fail(n *yaml.Node, path, format string, args ...any) {
	if len(d.errs) == maxMistakes {
		format, args, path = "more than %d mistakes: the others are not told", []any{maxMistakes}, ""
	}
	if d.isFull() {
		return
	}
	d.errs = append(d.errs, &Error{Pos: Pos{d.file, n.Line, n.Column}, Path: path, Message: fmt.Sprintf(format, args...)})
}

// isFull says whether nothing more is to be read, since there are too many mistakes.
func (d *decoder) isFull() bool { return len(d.errs) > maxMistakes }

func (d *decoder) warn(n *yaml.Node, path, format string, args ...any) {
	d.warnings = append(d.warnings, &Error{Pos: Pos{d.file, n.Line, n.Column}, Path: path, Message: fmt.Sprintf(format, args...), Warning: true})
}

func (d *decoder) failAt(line int, format string, args ...any) {
	d.fail(&yaml.Node{Line: line, Column: 1}, "", format, args...)
}

// document parses text, which must be one YAML document, and returns its root; nil if there is none.
func (d *decoder) document(text []byte) *yaml.Node {
	if limit := d.origin.limit(); int64(len(text)) > limit {
		d.failAt(1, "the file is %v", &file.TooLarge{Limit: limit})
		return nil
	}
	if line := tooDeep(text); line > 0 {
		d.failAt(line, "nested deeper than %d", maxNesting)
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		if d.origin != WorkflowFile { // of a definition AWF itself says it
			d.failAt(1, "the file is empty: want a list of webhooks")
		}
		return nil
	case err != nil:
		d.syntax(err)
		return nil
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		d.fail(&second, "", "a second YAML document: want one")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
	}
	return doc.Content[0]
}

// maxNesting is how deep lists and mappings may nest in one line, whatever they are for: a parser's stack grows with it.
const maxNesting = 1_000

// tooDeep returns the line in which a text nests too deep; 0 for none. It takes each bracket for one of YAML's.
func tooDeep(text []byte) int {
	brackets, entries, line := 0, 0, 1 // entries: "- - - x" is a list in a list in a list
	begins := true                     // nothing else stood in the line yet
	for i, c := range text {
		switch c {
		case '[', '{':
			brackets++
		case ']', '}':
			brackets = max(0, brackets-1)
		case '-', '?':
			if begins = begins && i+1 < len(text) && text[i+1] == ' '; begins {
				entries++
			}
		case '\n':
			line, entries, begins = line+1, 0, true
		case ' ':
		default:
			begins = false
		}
		if brackets > maxNesting || entries > maxNesting {
			return line
		}
	}
	return 0
}

// keys says how the keys of a mapping of one kind are read into a T. What they are stands in [Keys].
type keys[T any] map[string]func(d *decoder, n *yaml.Node, path string, to T)

// mapping reads the keys of a mapping in their order. It says false if n is no mapping.
func mapping[T any](d *decoder, n *yaml.Node, path string, known keys[T], to T) bool {
	if n = resolve(n); n.Kind != yaml.MappingNode {
		d.fail(n, path, "want a mapping, got %s", describe(n))
		return false
	}
	for name, value := range d.members(n, path) {
		at := join(path, name.Value)
		value = resolve(value)
		switch key := keyOf(at); {
		case name.Value == "<<":
			d.fail(name, at, "merge keys are not supported")
		case key == nil || strings.ContainsAny(name.Value, ".[]"):
			d.unknown(name, path)
		case key.UserOnly && d.origin != UserFile:
			d.fail(name, at, "not allowed here: this file may come with a checkout, and the key is the user's own")
		default:
			d.use(name, value, at)
			known[name.Value](d, value, at, to)
		}
	}
	return true
}

// unknown reports a key that is not in the table.
func (d *decoder) unknown(name *yaml.Node, path string) {
	names := children(path)
	if meant := spelling.Nearest(name.Value, names); meant != "" {
		d.fail(name, join(path, name.Value), "unknown key, did you mean %s?", meant)
		return
	}
	d.fail(name, join(path, name.Value), "unknown key, want one of %s", strings.Join(names, ", "))
}

// use notes where a value stands and which variables it reads.
func (d *decoder) use(name, value *yaml.Node, path string) {
	if kind := keyOf(path).Kind; kind == KindMapping || path == "webhooks" {
		return
	}
	u := use{path, Pos{d.file, name.Line, name.Column}, variables(value), false}
	u.unresolved = d.env == nil && len(u.variables) > 0
	if _, below, isWebhook := strings.Cut(path, "]."); isWebhook {
		u.path = below
		d.used = append(d.used, u)
	} else {
		d.usedBeside = append(d.usedBeside, u)
	}
}

// variables lists the names of the variables in the scalars below a node.
func variables(n *yaml.Node) []string {
	var names []string
	for _, m := range variable.FindAllStringSubmatch(n.Value, -1) {
		if m[0] != "$$" {
			name, _, _ := strings.Cut(m[1], ":-")
			names = append(names, name)
		}
	}
	for _, inner := range n.Content { // aliases are not followed: a value stands where it is defined
		names = append(names, variables(inner)...)
	}
	return names
}

// members gives the keys of a mapping with their values. One that stands twice is reported and given once.
func (d *decoder) members(n *yaml.Node, path string) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		first := map[string]int{}
		for i := 0; i+1 < len(n.Content) && !d.isFull(); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			line, twice := first[key.Value]
			switch {
			case key.Kind != yaml.ScalarNode:
				d.fail(key, path, "want a name as a key, got %s", describe(key))
				continue
			case twice:
				d.fail(key, join(path, key.Value), "stands twice, first in line %d", line)
				continue
			}
			first[key.Value] = key.Line
			if !yield(key, value) {
				return
			}
		}
	}
}

// join makes a key's path. A key that would make it unreadable is quoted.
func join(path, key string) string {
	unreadable := func(r rune) bool { return !unicode.IsPrint(r) }
	if key == "" || shorten(key) != key || strings.ContainsFunc(key, unreadable) {
		key = strconv.Quote(shorten(key))
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// describe names what a node is, for errors. It does not quote a scalar, which may be a credential in a wrong place.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode:
		return "a mapping: a value that begins with {{ needs quotes"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	}
	return "a single value"
}

// shorten keeps an error's quotation of the file readable.
func shorten(s string) string {
	const limit = 60
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
