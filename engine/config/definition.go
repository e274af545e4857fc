package config

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/awf-project/awf-hook/engine/lazy"
	"gopkg.in/yaml.v3"
)

// definition is a workflow's file and its name.
type definition struct {
	path    string
	name    string // value of the key name, "" if there is none
	modTime time.Time
	size    int64
}

// workflow returns the workflow's name in its events.
func (def *definition) workflow() string { return cmp.Or(def.name, def.stem()) }

// stem returns the name of the definition's file without its extension.
func (def *definition) stem() string {
	return strings.TrimSuffix(filepath.Base(def.path), filepath.Ext(def.path))
}

// pack returns the name of the definition's pack, "" for none.
func (def *definition) pack() string {
	folder := filepath.Dir(filepath.Dir(def.path))
	if filepath.Base(filepath.Dir(folder)) != "workflow-packs" {
		return ""
	}
	return filepath.Base(folder)
}

// byName finds definitions by the key name, else by the file's name, and last by a file's name that differs from the key name. The first
// of a name wins.
func byName(definitions []*definition) map[string]*definition {
	found := map[string]*definition{}
	for _, nameOf := range []func(*definition) string{
		func(def *definition) string { return def.name },
		func(def *definition) string {
			if def.name != "" {
				return ""
			}
			return def.stem()
		},
		(*definition).stem,
	} {
		for _, def := range definitions {
			name := nameOf(def)
			if name == "" {
				continue
			}
			for _, full := range []string{name, def.pack() + "/" + name} {
				if full[0] != '/' && found[full] == nil {
					found[full] = def
				}
			}
		}
	}
	return found
}

// Bounds of the search for names, in bytes.
const (
	maxHead   = 16 << 10 // the beginning of a definition, which must hold its name
	maxParsed = 1 << 20  // all the beginnings that are parsed whole at a time
)

var (
	nameKey   = lazy.Regexp(`^["']?name["']?[ \t]*:\s`)
	plainName = lazy.Regexp(`^\s*([A-Za-z][A-Za-z0-9_.-]*)\s*$`) // it needs no YAML parser
)

// nameOf reads the key name alone, because parsing the whole file takes longer and may fail.
func (ws *Workflows) nameOf(path string) string {
	f, err := ws.within(path).Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if ws.head == nil {
		ws.head = make([]byte, maxHead)
	}
	n, err := io.ReadFull(f, ws.head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return ""
	}
	head := bytes.TrimPrefix(ws.head[:n], []byte("\ufeff"))
	if n == maxHead {
		head = head[:lastKey(head)]
	}
	lines := nameLines(head)
	if m := plainName().FindSubmatch(lines[len(nameKey().Find(lines)):]); m != nil && !bytes.EqualFold(m[1], []byte("null")) {
		return string(m[1])
	}
	var def struct{ Name string }
	if lines == nil || yaml.Unmarshal(lines, &def) != nil {
		if ws.parsed += len(head); ws.parsed > maxParsed || yaml.Unmarshal(head, &def) != nil {
			return ""
		}
	}
	return def.Name
}

// nameLines returns the lines of the key name, nil if they cannot be found without a parser: a text in quotes may have such lines, too.
func nameLines(head []byte) []byte {
	from, end := -1, 0
	quoted := bytes.ContainsAny(head, `"'\`)
	for line := range bytes.Lines(head) {
		key := line
		if quoted {
			key = bytes.TrimLeft(line, `"'`)
		}
		switch {
		case from >= 0:
			if len(bytes.TrimSpace(line)) > 0 && line[0] != ' ' && line[0] != '\t' {
				return head[from:end]
			}
		case bytes.HasPrefix(key, []byte("name")) && nameKey().Match(line):
			from = end
		case quoted && (bytes.Count(line, []byte(`"`))%2 > 0 || bytes.Count(line, []byte("'"))%2 > 0 || bytes.IndexByte(line, '\\') >= 0):
			return nil
		}
		end += len(line)
	}
	if from < 0 {
		return nil
	}
	return head[from:end]
}

// lastKey returns where the last line without indent begins: in the beginning of a file, what stands there may be incomplete.
func lastKey(head []byte) int {
	end := len(head)
	for {
		end = bytes.LastIndexByte(head[:end], '\n')
		if end < 0 || end+1 < len(head) && !unicode.IsSpace(rune(head[end+1])) {
			return end + 1
		}
	}
}
