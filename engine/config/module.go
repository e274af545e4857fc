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
)

// Module is the file of a wasm or js step and the way to run it.
type Module struct {
	Text            // the path as written
	IsScript bool   // it is a js step's
	SHA256   string // of the file, in hex; "" for any
	Reuse    bool   // isolation: instance
	Limits   Limits

	path   string // absolute
	within string // the folder that it must be in after following links; "" for any
	unseen error  // why a trusted project's module has no digest that the user has seen; the module is then refused
}

// Limits bound the cost of one event in a module. Zero values mean the defaults.
type Limits struct {
	Fuel     int
	Memory   int64 // in bytes, like those below
	Stack    int64
	Input    int64
	Output   int64
	LogLines int
	Module   int64
}

// Values of isolation.
const (
	isolateEvent    = "event"
	isolateInstance = "instance"
)

var limitKeys = []Key{
	{Path: "fuel", Kind: KindNumber, Min: 1_000, Max: 2_000_000_000, Without: "22000000",
		Is: "about one unit per instruction; the default grows by 1,700 for each of an event's first 1,176 bytes, " +
			"by 12,000 for each further one, and by what an instance costs, to 2,000,000,000"},
	{Path: "memory", Kind: KindSize, Min: 64 << 10, Max: 256 << 20, Without: "16MiB", Is: "its linear memory"},
	{Path: "stack", Kind: KindSize, Min: 16 << 10, Max: 8 << 20, Without: "1MiB",
		Is: "its stack, for nested calls; a script's default is 4MiB"},
	{Path: "input", Kind: KindSize, Min: 1 << 10, Max: 16 << 20, Without: "1MiB", Is: "the size of its input"},
	{Path: "output", Kind: KindSize, Min: 1 << 10, Max: 1 << 20, Without: "256KiB", Is: "the size of its output"},
	{Path: "log_lines", Kind: KindNumber, Min: 1, Max: 1_000, Without: "32", Is: "the number of lines that it may log, of at most 1 KiB each"},
	{Path: "module", Kind: KindSize, Min: 1 << 10, Max: maxModule, Without: "8MiB",
		Is: "the size of the module's file; a script's is at most 1 MiB"},
}

func (d *decoder) wasm(n node, s *Step) {
	if d.readsInCheckout(n) {
		return
	}
	if d.field(n, &s.Wasm.Text); s.Wasm.Value == "" {
		return
	}
	s.Wasm.path, s.Wasm.within = d.absolute(s.Wasm.Value), d.within()
	d.named = append(d.named, s.Wasm.path)
}

// readsInCheckout reports and refuses a variable in a checkout's file. Trust shows and pins what must not depend on one.
func (d *decoder) readsInCheckout(n node) bool {
	if d.origin == UserFile || len(variables(n.Node)) == 0 {
		return false
	}
	d.fail(n, "key.forbidden", "a checkout's file cannot read a variable here: trust covers only a file that it names")
	return true
}

func (d *decoder) js(n node, s *Step) {
	s.Wasm.IsScript = true
	d.wasm(n, s)
}

// within returns the folder that must contain the files that the configuration refers to, "" for any folder.
func (d *decoder) within() string {
	if d.origin == UserFile {
		return ""
	}
	return projectOf(d.identity)
}

// projectOf returns the folder of the project whose .awf folder contains a file, or the file's own folder if there is none.
func projectOf(file string) string {
	folder := filepath.Dir(file)
	for up := folder; up != filepath.Dir(up); up = filepath.Dir(up) {
		if filepath.Base(up) == ".awf" {
			return filepath.Dir(up)
		}
	}
	return folder
}

func (d *decoder) isolation(n node, s *Step) {
	var isolation string
	d.field(n, &isolation)
	s.Wasm.Reuse = isolation == isolateInstance
}

func (d *decoder) sha256(n node, s *Step) {
	if d.readsInCheckout(n) {
		return
	}
	s.Wasm.SHA256, _ = d.formed(n, "64 hexadecimal digits", func(text string) bool {
		sum, err := hex.DecodeString(text)
		return err == nil && len(sum) == sha256.Size
	})
}

var errOutside = fmt.Errorf("%w: a configuration that may come with a checkout reaches only its own modules", file.ErrOutside)

// Read reads the module's file if check returns nil for the file's size in bytes. If a checkout refers to the file, the project must
// contain the file and the target of any link.
func (m *Module) Read(check func(size int64) error) ([]byte, error) {
	if m.unseen != nil {
		return nil, m.unseen
	}
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

// digest returns the SHA-256 and the size of the module's file. It refuses a file larger than limit bytes.
func (m *Module) digest(limit int64) (sum string, size int64, err error) {
	text, err := m.Read(func(size int64) error {
		if size > limit {
			return &file.TooLarge{Limit: limit}
		}
		return nil
	})
	if err != nil {
		return "", 0, err
	}
	return fmt.Sprintf("%x", sha256.Sum256(text)), int64(len(text)), nil
}
