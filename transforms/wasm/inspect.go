package wasm

import (
	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

// Info is what a file says about itself. Do not trust it: a module can claim anything.
type Info struct {
	Kind      string     `json:"kind,omitempty"` // "reactor" or "command"; "" if it is refused
	Size      int        `json:"bytes"`
	Digest    string     `json:"sha256"`              // in hex
	Functions int        `json:"functions,omitzero"`  // that it defines
	Memory    int64      `json:"memory,omitzero"`     // bytes at first
	Most      int64      `json:"max_memory,omitzero"` // bytes at most, if the module declares fewer than 4 GiB
	Imports   []Name     `json:"imports,omitempty"`
	Exports   []Name     `json:"exports,omitempty"`
	Compiled  int        `json:"-"` // bytes of machine code, by an estimate that is about twice the real size
	Made      []Producer `json:"-"`
	Refused   error      `json:"-"` // why it cannot be used; nil if it can. The other fields hold what was found before
}

// Name is an import or export: "awf.log", and what it is: "(i32, i32, i32)", "memory".
type Name struct{ Name, Type string }

// MarshalText returns both, for JSON.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.Name + " " + n.Type), nil }

// Producer is a line of the producers section: a field is language, processed-by or sdk.
type Producer struct{ Field, Name, Version string }

// Inspect reads a module without running or compiling it. Its texts are printable.
func Inspect(wasm []byte) (info Info) {
	_, most := Bounds()
	info = Info{Size: len(wasm), Digest: sumOf(wasm)}
	if info.Refused = most.CheckSize(int64(len(wasm))); info.Refused == nil {
		info.Refused = checkBytes("", wasm, "")
	}
	if info.Refused != nil {
		return info
	}
	m, err := rewritten(wasm, false)
	if err != nil {
		info.Refused = err
		return info
	}
	for _, i := range m.Imports {
		info.Imports = append(info.Imports, Name{legible.ShortLine(i.Module, 60) + "." + legible.ShortLine(i.Name, 60), i.Signature.String()})
	}
	for _, e := range m.Exports {
		n := Name{legible.ShortLine(e.Name, 60), e.Kind.String()}
		if e.Kind == meter.Func {
			n.Type = e.Signature.String()
		}
		info.Exports = append(info.Exports, n)
	}
	for _, p := range m.Producers {
		info.Made = append(info.Made, Producer{legible.ShortLine(p.Field, 60), legible.ShortLine(p.Name, 60), legible.ShortLine(p.Version, 120)})
	}
	info.Memory, info.Functions, info.Compiled = int64(m.MinPages)*pageSize, m.Functions, m.Compiled
	if m.MaxPages < maxPages {
		info.Most = int64(m.MaxPages) * pageSize
	}
	kind, err := detect(m)
	if err != nil {
		info.Refused = err
		return info
	}
	info.Kind = kind.String()
	return info
}
