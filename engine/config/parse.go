package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/file"
	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/engine/spelling"
	"gopkg.in/yaml.v3"
)

// Env looks up a variable for ${VAR}, like os.LookupEnv.
type Env func(name string) (value string, set bool)

// NoEnv looks up no variable and treats every ${VAR} as set. It serves to check a file without its variables; an engine refuses to
// deliver with the resulting configuration.
var NoEnv Env

// Load reads one configuration file. It returns what it could read, for further checks, and the mistakes as [Errors].
func Load(path string, env Env) (*Config, error) { return load(path, UserFile, env) }

func load(path string, origin Origin, env Env) (*Config, error) {
	text, err := origin.read("", path)
	if err != nil {
		return nil, err
	}
	return parse(path, text, origin, env)
}

// read reads a file in a folder. Of a file that is too large it returns a part, which is also too large, so that parse reports it.
func (o Origin) read(folder file.In, path string) (text []byte, err error) {
	f, err := folder.Open(path)
	if err == nil {
		defer f.Close()
		text, err = io.ReadAll(io.LimitReader(f, o.limit()+1))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", legible.Plain(path), err)
	}
	return text, nil
}

// Parse reads a configuration from text. The file's name appears in errors and in the identities of webhooks. Parse returns what it
// could read, for further checks, and the mistakes as [Errors].
func Parse(file string, text []byte, env Env) (*Config, error) {
	return parse(file, text, UserFile, env)
}

// ParseDraft reads a configuration that somebody tries out. It may set what a checkout's file may set: the only files in its reach
// are modules in the file's folder.
func ParseDraft(file string, text []byte, env Env) (*Config, error) {
	return parse(file, text, ProjectFile, env)
}

func parse(name string, text []byte, origin Origin, env Env) (*Config, error) {
	d := &decoder{root: &rootKey, file: name, origin: origin, env: env, lines: linesOf(text)}
	d.columns, d.tagged = map[int][]int32{}, map[*yaml.Node]bool{}
	if abs, err := filepath.Abs(name); err == nil {
		d.identity = abs
	}
	cfg := &Config{Files: []string{name}}
	if root := d.document(text); root != nil {
		if origin == WorkflowFile {
			d.definition(root, cfg)
		} else {
			all := node{Node: resolve(root), key: &rootKey}
			d.checkStyle(all)
			d.mapping(all, cfg)
		}
	}
	cfg.used = d.usedBeside
	d.errs = append(d.errs, cfg.httpURLs(cfg.Webhooks)...)
	d.keepInside()
	cfg.Warnings, cfg.Named = d.warnings, d.named
	if len(d.errs) > 0 {
		d.errs.Sort()
		return cfg, d.errs
	}
	return cfg, nil
}

// definition reads a workflow's definition. Only its key webhooks belongs to awf-hook.
func (d *decoder) definition(root *yaml.Node, cfg *Config) {
	if root = resolve(root); root.Kind != yaml.MappingNode {
		return // AWF itself reports the mistake
	}
	line := 0 // line of the key webhooks
	for i := 0; i+1 < len(root.Content); i += 2 {
		key := node{Node: root.Content[i], path: join("", root.Content[i].Value)}
		value := resolve(root.Content[i+1])
		switch name := key.Value; {
		case name == "webhooks" && line > 0:
			d.fail(key, "yaml.duplicate", "duplicate key, first in line %d", line)
		case name == "webhooks":
			line = key.Line
			webhooks := node{Node: value, path: name, key: rootKey.find(name)}
			d.checkStyle(webhooks)
			d.webhooks(webhooks, cfg)
		case name == "name" && cfg.nameAt == nil && value.Kind == yaml.ScalarNode && value.Tag != "!!null":
			cfg.nameAt = value
		case name == "<<" && mergesWebhooks(root):
			d.fail(key, "yaml.merge", "merge keys are not supported: write the key webhooks itself")
		case spelling.Nearest(name, []string{"webhooks"}) != "":
			d.fail(key, "key.unknown", "unknown key, did you mean webhooks?")
		}
	}
}

// mergesWebhooks reports whether a mapping has webhooks by a merge key alone.
func mergesWebhooks(root *yaml.Node) bool {
	var merged struct{ Webhooks yaml.Node }
	return root.Decode(&merged) == nil && !merged.Webhooks.IsZero() && !node{Node: root}.has("webhooks")
}

// Sort sorts the mistakes by their places.
func (es Errors) Sort() {
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
}

// decoder walks the YAML tree and collects the mistakes.
type decoder struct {
	root     *Key // of the table
	file     string
	origin   Origin
	identity string          // the file's absolute path
	lines    []string        // the file's lines
	columns  map[int][]int32 // where the characters of long lines begin, in bytes
	env      Env
	errs     Errors
	warnings Errors
	values   int // number of values in all trees

	tagged     map[*yaml.Node]bool // true for values whose tag is wrong, false for anchored ones that were checked
	used       []use               // keys of the webhook that is being read
	known      []secret.Secret     // values of its secret variables
	inserted   [][2]int            // ranges of the variables' values in the last scalar
	reads      []string            // names of the webhook's variables
	usedBeside []use               // keys beside the webhooks
	named      []string            // files that the configuration refers to
}

// maxMistakes is the maximum number of mistakes that are reported for a file. Reading stops there.
const maxMistakes = 1_000

func (d *decoder) fail(n node, code, format string, args ...any) {
	d.add(d.mistake(n, code, fmt.Sprintf(format, args...)))
}

func (d *decoder) add(e *Error) {
	if len(d.errs) == maxMistakes {
		e = &Error{Pos: e.Pos, Code: "file.mistakes", Message: fmt.Sprintf("more than %d mistakes: the others are not reported", maxMistakes)}
	}
	if !d.isFull() {
		d.errs = append(d.errs, e)
	}
}

func (d *decoder) mistake(n node, code, message string) *Error {
	return &Error{Pos: d.pos(n.Node), Code: code, Path: n.path, Message: legible.Line(message)}
}

func (d *decoder) pos(n *yaml.Node) Pos { return Pos{d.file, n.Line, n.Column} }

// isFull reports whether reading must stop because there are too many mistakes.
func (d *decoder) isFull() bool { return len(d.errs) > maxMistakes }

// failed reports whether there is a mistake below a value.
func (d *decoder) failed(n node) bool {
	return slices.ContainsFunc(d.errs, func(e *Error) bool { return strings.HasPrefix(e.Path, n.path) })
}

func (d *decoder) warn(n node, code, format string, args ...any) {
	switch {
	case len(d.warnings) == maxMistakes:
		n.path, code, format, args = "", "file.mistakes", "more than %d warnings: the others are not reported", []any{maxMistakes}
	case len(d.warnings) > maxMistakes:
		return
	}
	warning := d.mistake(n, code, fmt.Sprintf(format, args...))
	warning.Warning = true
	d.warnings = append(d.warnings, warning)
}

func (d *decoder) failAt(line int, code, format string, args ...any) {
	d.fail(node{Node: &yaml.Node{Line: line, Column: 1}}, code, format, args...)
}

// document parses text, which must be a single YAML document, and returns its root, nil if there is none.
func (d *decoder) document(text []byte) *yaml.Node {
	if limit := d.origin.limit(); int64(len(text)) > limit {
		d.failAt(1, "file.size", "the file is %v", &file.TooLarge{Limit: limit})
		return nil
	}
	if line := tooDeep(text); line > 0 {
		d.failAt(line, "file.size", "nested deeper than %d", maxNesting)
		return nil
	}
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) { // the parser reads UTF-16
		d.failSyntax(slip{1, 1, notUTF8})
		return nil
	}
	if at := bytes.IndexAny(text, otherBreaks); at >= 0 && d.origin != WorkflowFile { // in a definition, AWF takes them for line breaks too
		lines := linesOf(text[:at])
		place := &yaml.Node{Line: len(lines), Column: utf8.RuneCountInString(lines[len(lines)-1]) + 1}
		d.warn(node{Node: place}, "yaml.break",
			"YAML takes an invisible character for a line break: leave it out, or write it in double quotes as an escape such as \\u2028")
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		if d.origin != WorkflowFile { // for a definition AWF itself reports it
			d.failAt(1, "file.empty", "the file is empty: want a list of webhooks")
		}
		return nil
	case err != nil:
		d.syntax(err)
		return nil
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		d.fail(node{Node: &second}, "yaml.document", "a second YAML document: want one")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
	}
	return doc.Content[0]
}

// maxNesting bounds the nesting of lists and mappings, because the YAML parser's stack grows with it.
const maxNesting = 1_000

// tooDeep returns the line on which the nesting becomes too deep, 0 for none. It counts every bracket, even inside a text.
func tooDeep(text []byte) int {
	brackets, entries, line := 0, 0, 1 // entries: "- - - x" is a list in a list in a list
	begins := true                     // nothing else precedes on the line
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

// mapping reads the keys of a mapping in their order. It returns false if n is not a mapping.
func (d *decoder) mapping(n node, to any) bool {
	if n.Kind != yaml.MappingNode {
		like := ""
		switch _, isStep := to.(*Step); {
		case isStep && strings.HasSuffix(n.path, "]"):
			like = " like {format: slack}"
		case n.path == "":
			like = " with the key webhooks"
		}
		d.fail(n, "value.type", "want a mapping%s, got %s", like, describe(n.Node))
		return false
	}
	for name, value := range d.members(n) {
		switch value.key = n.key.find(name.Value); {
		case value.key == nil:
			d.unknown(name, n.key)
		case d.tagged[value.Node]: // checkStyle has reported the value
		case value.key.UserOnly && d.origin != UserFile:
			d.fail(name, "key.forbidden", "not allowed here: this file may come with a checkout, and the key is the user's own")
		default:
			d.use(name, value)
			d.readKey(value, to)
		}
	}
	for _, key := range n.key.below {
		if key.Required && n.get(key.Path).Node == nil {
			d.fail(n.at(key.Path), "key.missing", "missing")
		}
	}
	return true
}

// readKey reads the value of a key.
func (d *decoder) readKey(n node, owner any) {
	if n.key.read != nil {
		n.key.read(d, n, owner)
		return
	}
	to := n.key.field(owner)
	switch {
	case !n.key.isPart():
		d.field(n, to)
	case d.mapping(n, to) && n.key.judge != nil:
		n.key.judge(d, n, to)
	}
}

// unknown reports a name that is not among the keys of a mapping.
func (d *decoder) unknown(name node, of *Key) {
	noun, known := cmp.Or(of.noun, "key"), of.names()
	if key, _, isGlued := strings.Cut(name.Value, ":"); isGlued && slices.Contains(known, key) {
		d.fail(name, "key.unknown", "unknown %s: want a space after the colon of %s", noun, key)
		return
	}
	hint := spelling.Hint(name.Value, known)
	if odd, char, found := d.oddIn(name.Line); found && strings.ContainsRune(name.Value, char) {
		hint = ": " + odd.is
	} else if spelling.Nearest(name.Value, known) == "" {
		if places := d.placesOf(name); len(places) > 0 {
			hint = ": it belongs in " + spelling.Join("or", places)
		}
	}
	d.fail(name, "key.unknown", "unknown %s%s", noun, hint)
}

// placesOf lists the mappings to which a known key in a wrong place may belong. Those below its place come first.
func (d *decoder) placesOf(name node) []string {
	if strings.Contains(name.Value, ".") { // a path, and not a key
		return nil
	}
	here := indices().ReplaceAllString(strings.TrimSuffix(name.path, name.Value), "[]")
	var below, elsewhere []string
	for _, key := range flat("", false, d.root.below) {
		in, isPlace := strings.CutSuffix(key.Path, "."+name.Value)
		switch inHere, isBelow := strings.CutPrefix(in, here); {
		case !isPlace:
		case isBelow:
			below = append(below, strings.TrimSuffix(inHere, "[]"))
		default:
			elsewhere = append(elsewhere, in)
		}
	}
	return append(below, elsewhere...)
}

var indices = lazy.Regexp(`\[\d+\]`)

// use records the place of a value and the variables that it reads.
func (d *decoder) use(name, value node) {
	if value.key.Kind == KindMapping || value.path == "webhooks" {
		return
	}
	u := use{value.path, Pos{d.file, name.Line, name.Column}, variables(value.Node), false}
	u.unresolved = d.env == nil && len(u.variables) > 0
	if _, below, isWebhook := strings.Cut(value.path, "]."); isWebhook {
		u.path = below
		d.used = append(d.used, u)
	} else {
		d.usedBeside = append(d.usedBeside, u)
	}
}
