package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/awf-project/awf-hook/engine/file"
	"gopkg.in/yaml.v3"
)

// Module is the file of a wasm step, and how it is run.
type Module struct {
	Text          // the path as it is written
	SHA256 string // of the file, in hex; "" for any
	Reuse  bool   // isolation: instance
	Limits Limits

	path   string // absolute
	within string // the folder that it must be in, links followed; "" for any
}

// Limits bound what one event may cost a module; zero values stand for the defaults.
type Limits struct {
	Fuel     int
	Memory   int64 // bytes, as those below
	Stack    int64
	Input    int64
	Output   int64
	LogLines int
	Module   int64
}

// What isolation can be.
const (
	isolateEvent    = "event"
	isolateInstance = "instance"
)

var limitKeys = keys[*Limits]{
	"fuel":      func(d *decoder, n *yaml.Node, path string, l *Limits) { d.integer(n, path, &l.Fuel) },
	"memory":    func(d *decoder, n *yaml.Node, path string, l *Limits) { d.size(n, path, &l.Memory) },
	"stack":     func(d *decoder, n *yaml.Node, path string, l *Limits) { d.size(n, path, &l.Stack) },
	"input":     func(d *decoder, n *yaml.Node, path string, l *Limits) { d.size(n, path, &l.Input) },
	"output":    func(d *decoder, n *yaml.Node, path string, l *Limits) { d.size(n, path, &l.Output) },
	"log_lines": func(d *decoder, n *yaml.Node, path string, l *Limits) { d.integer(n, path, &l.LogLines) },
	"module":    func(d *decoder, n *yaml.Node, path string, l *Limits) { d.size(n, path, &l.Module) },
}

func (d *decoder) wasm(n *yaml.Node, path string, s *Step) {
	name, ok := d.value(n, path)
	limit := int(keyOf(path).Max)
	switch {
	case !ok:
		return
	case name == "" || len(name) > limit:
		d.fail(n, path, "want a path of 1 to %d bytes", limit)
		return
	}
	s.Wasm.Text = d.text(n, path, name)
	s.Wasm.path = name
	if !filepath.IsAbs(name) {
		s.Wasm.path = filepath.Join(filepath.Dir(d.identity), name)
	}
	s.Wasm.within = d.within()
}

// within is the folder that the files must be in that the configuration names; "" for any.
func (d *decoder) within() string {
	if d.origin == UserFile {
		return ""
	}
	return projectOf(d.identity)
}

// projectOf is the folder of the project whose .awf folder a file is in, the file's own where there is none.
func projectOf(file string) string {
	folder := filepath.Dir(file)
	for up := folder; up != filepath.Dir(up); up = filepath.Dir(up) {
		if filepath.Base(up) == ".awf" {
			return filepath.Dir(up)
		}
	}
	return folder
}

func (d *decoder) isolation(n *yaml.Node, path string, s *Step) {
	text, ok := d.value(n, path)
	switch {
	case !ok:
	case text == isolateEvent, text == isolateInstance:
		s.Wasm.Reuse = text == isolateInstance
	default:
		d.fail(n, path, "want %s or %s, got %s", isolateEvent, isolateInstance, quote(n))
	}
}

func (d *decoder) sha256(n *yaml.Node, path string, s *Step) {
	text, ok := d.value(n, path)
	if !ok {
		return
	}
	if sum, err := hex.DecodeString(text); err != nil || len(sum) != 32 {
		d.fail(n, path, "want 64 hexadecimal digits, got %s", quote(n))
		return
	}
	s.Wasm.SHA256 = text
}

var errOutside = fmt.Errorf("%w: a configuration that may come with a checkout reaches only its own modules", file.ErrOutside)

// Read reads the module's file if check, which is told its size in bytes, returns nil. A file that a checkout names must be in its project,
// where links lead too.
func (m *Module) Read(check func(size int64) error) ([]byte, error) {
	f, err := m.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = check(info.Size())
	}
	if err != nil {
		return nil, err
	}
	module := make([]byte, info.Size())
	_, err = io.ReadFull(f, module)
	return module, err
}

func (m *Module) open() (*os.File, error) {
	f, err := file.In(m.within).Open(m.path)
	switch {
	case errors.Is(err, file.ErrOutside):
		return nil, errOutside
	case errors.Is(err, syscall.EISDIR):
		return nil, file.ErrNotRegular
	}
	return f, err
}

// digest returns the SHA-256 of the module's file and its size. It refuses a file over limit bytes.
func (m *Module) digest(limit int64) (sum string, size int64, err error) {
	f, err := m.open()
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	if info.Size() > limit {
		return "", 0, &file.TooLarge{Limit: limit}
	}
	h := sha256.New()
	size, err = io.Copy(h, io.LimitReader(f, limit))
	return fmt.Sprintf("sha256:%x", h.Sum(nil)), size, err
}
