package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Env looks up a variable for ${VAR}; os.LookupEnv is one.
type Env func(name string) (value string, set bool)

// NoEnv stands for variables that are not looked up: each ${VAR} is as good as set.
// It is for checking a file where its variables are not at hand; what it gives is not for use.
var NoEnv Env

// Load reads a configuration file. Its mistakes are [Errors]; what could be read beside them is returned too, for further checks.
func Load(path string, env Env) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, cause(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, cause(err))
	}
	return Parse(path, text, env)
}

// cause leaves away what os repeats: the call and the path.
func cause(err error) error {
	if pathErr := (*os.PathError)(nil); errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// Parse reads a configuration from text; file is its name in errors and webhooks' identities. Its mistakes are [Errors];
// what could be read beside them is returned too, for further checks.
func Parse(file string, text []byte, env Env) (*Config, error) {
	d := &decoder{file: file, env: env, lines: strings.Split(string(text), "\n")}
	if abs, err := filepath.Abs(file); err == nil {
		d.identity = abs
	}
	cfg := &Config{File: file}
	if root := d.document(text); root != nil {
		mapping(d, root, "", rootKeys, cfg)
	}
	if len(d.errs) > 0 {
		d.errs.Sort()
		return cfg, d.errs
	}
	return cfg, nil
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
	identity string
	lines    []string // of the file
	env      Env
	errs     Errors
}

func (d *decoder) fail(n *yaml.Node, path, format string, args ...any) {
	d.errs = append(d.errs, &Error{Pos{d.file, n.Line, n.Column}, path, fmt.Sprintf(format, args...)})
}

func (d *decoder) failAt(line int, format string, args ...any) {
	d.fail(&yaml.Node{Line: line, Column: 1}, "", format, args...)
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// document parses text, which must be one YAML document, and returns its root; nil if there is none.
func (d *decoder) document(text []byte) *yaml.Node {
	if len(text) > maxFile {
		d.failAt(1, "the file is over %d MiB", maxFile>>20)
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		d.failAt(1, "the file is empty: want a list of webhooks")
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

func (d *decoder) syntax(err error) {
	line := 1
	m := yamlError.FindStringSubmatch(strings.SplitN(err.Error(), "\n", 2)[0])
	if m == nil {
		m = []string{"", "", err.Error()}
	}
	if m[1] != "" {
		line, _ = strconv.Atoi(m[1])
		if strings.HasPrefix(m[2], "did not find expected") { // the parser, unlike the scanner, counts from 0
			line++
		}
	}
	d.failAt(line, "not YAML: %s", m[2])
}

// keys is what a mapping of one kind may hold, and how each is read into a T.
// A key of the design that nothing implements yet has no function.
type keys[T any] map[string]func(d *decoder, n *yaml.Node, path string, to T)

// mapping reads the keys of a mapping in their order. It says false if n is no mapping.
func mapping[T any](d *decoder, n *yaml.Node, path string, known keys[T], to T) bool {
	if n = resolve(n); n.Kind != yaml.MappingNode {
		d.fail(n, path, "want a mapping, got %s", describe(n))
		return false
	}
	for key, value := range d.members(n, path) {
		at := join(path, key.Value)
		switch read, isKnown := known[key.Value]; {
		case !isKnown:
			d.fail(key, at, "unknown key, want one of %s", names(known))
		case read == nil:
			d.fail(key, at, "not supported by this version yet")
		default:
			read(d, resolve(value), at, to)
		}
	}
	return true
}

// names lists the keys that work, for an error.
func names[T any](known keys[T]) string {
	var list []string
	for name, read := range known {
		if read != nil {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// members gives the keys of a mapping with their values. One that stands twice is reported and given once.
func (d *decoder) members(n *yaml.Node, path string) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		first := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
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
