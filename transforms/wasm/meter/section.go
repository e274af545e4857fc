package meter

import (
	"bytes"
	"slices"
)

// module is a decoded module. Positions and slices of bytes are the original's.
type module struct {
	limits   Limits
	bytes    []byte
	sections [maxSection + 1]section // by id

	types     []Signature
	imports   []importEntry
	funcs     []uint32 // type of every function, imported ones first
	tables    int      // imported ones included, as in the following
	reserved  uint64   // elements that the tables begin with
	memories  []memory
	globals   int
	elements  int
	exports   []exportEntry
	start     uint32
	hasStart  bool
	startSeen bool // the start function is exported or its reference taken, as ref.func demands
	dataCount int  // -1: no section
	codes     []code

	importedFuncs, importedGlobals int

	inits     int    // elements in all segments
	starting  int64  // fuel: what a new instance costs
	locals    int    // declared in all functions
	mutables  int    // globals that can change, the meter's included
	taken     []bool // by function: its reference can be in a table
	hostTaken bool   // an imported function's reference can be
	names     []funcName
	producers []Producer
	blocks    map[string]uint32 // types that the meter adds, by the results of a block
}

// section is a section that was read, in canonical encoding.
type section struct {
	n    int // entries
	body []byte
}

// The ids of sections that the meter changes, or knows by name.
const (
	functionForm  = 0x60 // before a type
	typeSection   = 1
	importSection = 2
	globalSection = 6
	exportSection = 7
	startSection  = 8
	codeSection   = 10
	maxSection    = 12
	tagSection    = 13
)

// sectionOrder lists the sections in the order in which they must come. decode returns the number of entries.
var sectionOrder = [...]struct {
	id     byte
	name   string
	decode func(*module, *reader) int
}{
	{1, "type", (*module).decodeTypes},
	{importSection, "import", (*module).decodeImports},
	{3, "function", (*module).decodeFunctions},
	{4, "table", (*module).decodeTables},
	{5, "memory", (*module).decodeMemories},
	{globalSection, "global", (*module).decodeGlobals},
	{exportSection, "export", (*module).decodeExports},
	{startSection, "start", (*module).decodeStart},
	{9, "element", (*module).decodeElements},
	{maxSection, "data count", (*module).decodeDataCount},
	{codeSection, "code", (*module).decodeCodes},
	{11, "data", (*module).decodeDatas},
}

// decode reads all sections but the functions' instructions.
func decode(wasm []byte, limits Limits) (*module, error) {
	m := &module{limits: limits, bytes: wasm, dataCount: -1}
	r := &reader{bytes: wasm, end: len(wasm)}
	if !bytes.HasPrefix(wasm, []byte(header)) {
		r.fail(`want "\0asm" and version 1: not a WebAssembly module`)
	}
	r.at = min(len(header), r.end)
	next := 0 // in sectionOrder
	for r.more() {
		id, size := r.byte(), int(r.u32())
		if size > r.end-r.at {
			r.fail("section %d is cut short", id)
		}
		if r.err != nil {
			break
		}
		body := &reader{bytes: wasm, at: r.at, end: r.at + size}
		if id == 0 {
			m.decodeCustom(body)
		} else {
			next = m.decodeSection(id, next, body)
		}
		if body.err != nil {
			return nil, body.err
		}
		r.at = body.end
	}
	m.checkCounts(r)
	return m, r.err
}

// decodeSection reads a section that must come at the given place of the order or later, and returns the place after it.
func (m *module) decodeSection(id byte, next int, r *reader) int {
	for i, s := range sectionOrder {
		if s.id != id {
			continue
		}
		if i < next {
			r.fail("the %s section is out of order or repeated", s.name)
			return next
		}
		n := s.decode(m, r)
		if r.err == nil && r.at != r.end {
			r.fail("%d bytes are left over in the %s section", r.end-r.at, s.name)
		}
		m.sections[id] = section{n, r.out}
		return i + 1
	}
	if id == tagSection {
		r.fail("%s", exceptions)
	}
	r.fail("section %d is not known", id)
	return next
}

func (m *module) checkCounts(r *reader) {
	if defined := len(m.funcs) - m.importedFuncs; r.err == nil && defined != len(m.codes) {
		r.fail("%d functions are declared, %d have code", defined, len(m.codes))
	}
	if m.globals*len(m.codes) > maxDeclared {
		r.fail("%d globals and %d functions are too many together: want a product of at most %d", m.globals, len(m.codes), maxDeclared)
	}
	m.mutables += 2
	m.starting += instanceCost + globalCost*int64(m.globals)
	m.startSeen = m.taken != nil && m.taken[m.start] ||
		slices.ContainsFunc(m.exports, func(e exportEntry) bool { return e.kind == Func && e.index == m.start })
	if n := m.sections[11].n; m.dataCount >= 0 && m.dataCount != n {
		r.fail("the data count is %d, but there are %d segments", m.dataCount, n)
	}
}

func (m *module) decodeTypes(r *reader) int {
	return r.entries(maxTypes, "types", func() {
		start := r.at
		if form := r.byte(); form != functionForm && r.err == nil {
			if f, known := typeFeature(form); known {
				r.failAt(start, "%s", f)
			}
			r.failAt(start, "type form %#x is not known", form)
		}
		m.types = append(m.types, Signature{Params: r.valueTypes(), Results: r.valueTypes()})
	})
}

func (r *reader) valueTypes() string {
	n := r.count(maxArity, "values")
	start := r.at
	for range n {
		r.valueType()
	}
	if r.err != nil {
		return ""
	}
	return string(r.bytes[start:r.at])
}

func (m *module) decodeFunctions(r *reader) int {
	return r.entries(maxFunctions, "functions", func() { m.funcs = append(m.funcs, r.index(len(m.types), "type")) })
}

func (m *module) decodeStart(r *reader) int {
	start := r.at
	m.start, m.hasStart = r.index(len(m.funcs), "function"), true
	if r.err == nil && m.types[m.funcs[m.start]] != (Signature{}) {
		r.failAt(start, "the start function has parameters or results")
	}
	return 1
}

func (m *module) decodeDataCount(r *reader) int {
	m.dataCount = r.count(maxSegments, "data segments")
	r.out = nil // the section holds only this number
	return m.dataCount
}

// code is a function's body.
type code struct {
	locals []byte // their groups, in canonical encoding
	groups int
	count  int // locals and parameters
	wide   int // of those, the vectors
	at     int // of the first instruction
	end    int // past the last
}

func (m *module) decodeCodes(r *reader) int {
	n := r.count(maxFunctions, "functions")
	if defined := len(m.funcs) - m.importedFuncs; n != defined {
		r.fail("%d functions are declared, %d have code", defined, n)
		return n
	}
	m.codes = make([]code, 0, n)
	for range n {
		size := r.count(maxBody, "bytes of one function's code")
		if size > r.end-r.at {
			r.fail("a function's code is cut short")
		}
		if r.err != nil {
			break
		}
		body := &reader{bytes: r.bytes, at: r.at, end: r.at + size}
		m.codes = append(m.codes, m.decodeLocals(body))
		r.at, r.err = body.end, body.err
	}
	return n
}

func (m *module) decodeLocals(r *reader) code {
	params := m.types[m.funcs[m.importedFuncs+len(m.codes)]].Params
	c := code{count: len(params), end: r.end}
	for i := range len(params) {
		if params[i] == v128 {
			c.wide++
		}
	}
	r.entries(maxLocals, "groups of locals", func() {
		before := len(r.out)
		n, of := r.count(maxLocals, "locals"), r.valueType()
		c.count += n
		m.locals += n
		if c.count > maxLocals || m.locals > maxAllLocals {
			r.fail("too many locals: want at most %d in a function, %d in all", maxLocals, maxAllLocals)
		}
		if n == 0 {
			r.out = r.out[:before]
			return
		}
		if of == v128 {
			c.wide += n
		}
		c.groups++
	})
	c.at, c.locals = r.at, r.out
	return c
}
