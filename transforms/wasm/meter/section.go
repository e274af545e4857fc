package meter

import "bytes"

// module is what was decoded of a module. Slices of bytes and positions are the original's.
type module struct {
	limits Limits
	bytes  []byte

	types     []Signature
	imports   []importEntry
	funcs     []uint32 // type of every function, imported first
	tables    []table  // imported first
	memories  []memory
	globals   []global // imported first
	exports   []exportEntry
	start     uint32
	hasStart  bool
	elements  []element
	datas     []data
	dataCount int // -1: no section
	codes     []code

	importedFuncs, importedGlobals, importedTables, importedMemories int

	inits     int    // elements in all segments
	locals    int    // declared in all functions
	mutables  int    // globals that can change, with the meter's
	taken     []bool // by function: its reference can be in a table
	hostTaken bool   // of an imported one
	names     []funcName
	producers []Producer
}

// section numbers, in the order in which they must come
var sectionOrder = [...]struct {
	id     byte
	name   string
	decode func(*module, *reader)
}{
	{1, "type", (*module).decodeTypes},
	{2, "import", (*module).decodeImports},
	{3, "function", (*module).decodeFunctions},
	{4, "table", (*module).decodeTables},
	{5, "memory", (*module).decodeMemories},
	{6, "global", (*module).decodeGlobals},
	{7, "export", (*module).decodeExports},
	{8, "start", (*module).decodeStart},
	{9, "element", (*module).decodeElements},
	{12, "data count", (*module).decodeDataCount},
	{10, "code", (*module).decodeCodes},
	{11, "data", (*module).decodeDatas},
}

// decode reads all sections but the functions' instructions.
func decode(wasm []byte, limits Limits) (*module, error) {
	m := &module{limits: limits, bytes: wasm, dataCount: -1}
	r := &reader{bytes: wasm, end: len(wasm)}
	if !bytes.HasPrefix(wasm, []byte("\x00asm\x01\x00\x00\x00")) {
		r.fail(`want "\0asm" and version 1: not a WebAssembly module`)
	}
	r.at = min(8, r.end)
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

// decodeSection reads one section that may come at or after the given place of the order, and returns the place after it.
func (m *module) decodeSection(id byte, next int, r *reader) int {
	for i, section := range sectionOrder {
		if section.id != id {
			continue
		}
		if i < next {
			r.fail("the %s section is out of order or repeated", section.name)
			return next
		}
		section.decode(m, r)
		if r.err == nil && r.at != r.end {
			r.fail("%d bytes are left over in the %s section", r.end-r.at, section.name)
		}
		return i + 1
	}
	r.fail("section %d is not known", id)
	return next
}

func (m *module) checkCounts(r *reader) {
	if defined := len(m.funcs) - m.importedFuncs; r.err == nil && defined != len(m.codes) {
		r.fail("%d functions are declared, %d have code", defined, len(m.codes))
	}
	if len(m.globals)*len(m.codes) > maxDeclared {
		r.fail("%d globals and %d functions are too many together: want a product of at most %d", len(m.globals), len(m.codes), maxDeclared)
	}
	m.mutables = 2
	for _, g := range m.globals {
		m.mutables += int(g.mutable)
	}
	if m.dataCount >= 0 && m.dataCount != len(m.datas) {
		r.fail("the data count is %d, but there are %d segments", m.dataCount, len(m.datas))
	}
}

func (m *module) decodeTypes(r *reader) {
	n := r.count(maxTypes, "types")
	m.types = make([]Signature, 0, min(n, r.end-r.at))
	for range n {
		if form := r.byte(); form != 0x60 && r.err == nil {
			r.at--
			r.fail("type form %#x is not known", form)
		}
		m.types = append(m.types, Signature{Params: r.valueTypes(), Results: r.valueTypes()})
		if r.err != nil {
			return
		}
	}
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

func (m *module) decodeFunctions(r *reader) {
	n := r.count(maxFunctions, "functions")
	for range n {
		m.funcs = append(m.funcs, r.index(len(m.types), "type"))
		if r.err != nil {
			return
		}
	}
}

func (m *module) decodeStart(r *reader) {
	m.start, m.hasStart = r.index(len(m.funcs), "function"), true
}

func (m *module) decodeDataCount(r *reader) {
	m.dataCount = r.count(maxSegments, "data segments")
}

// code is a function's body.
type code struct {
	locals []localGroup
	count  int // locals and parameters
	wide   int // of those, how many are vectors
	at     int // of the first instruction
	end    int // past the last
}

type localGroup struct {
	n  uint32
	of byte
}

func (m *module) decodeCodes(r *reader) {
	n := r.count(maxFunctions, "functions")
	if defined := len(m.funcs) - m.importedFuncs; n != defined {
		r.fail("%d functions are declared, %d have code", defined, n)
		return
	}
	m.codes = make([]code, 0, n)
	for range n {
		size := r.count(maxBody, "bytes of one function's code")
		if size > r.end-r.at {
			r.fail("a function's code is cut short")
		}
		if r.err != nil {
			return
		}
		body := &reader{bytes: r.bytes, at: r.at, end: r.at + size}
		m.codes = append(m.codes, m.decodeLocals(body))
		r.at, r.err = body.end, body.err
	}
}

func (m *module) decodeLocals(r *reader) code {
	params := m.types[m.funcs[m.importedFuncs+len(m.codes)]].Params
	c := code{count: len(params), end: r.end}
	for i := range len(params) {
		if params[i] == v128 {
			c.wide++
		}
	}
	for range r.count(maxLocals, "groups of locals") {
		n := r.count(maxLocals, "locals")
		of := r.valueType()
		c.count += n
		m.locals += n
		if c.count > maxLocals || m.locals > maxAllLocals {
			r.fail("too many locals: want at most %d in a function, %d in all", maxLocals, maxAllLocals)
		}
		if r.err != nil {
			return c
		}
		if of == v128 {
			c.wide += n
		}
		if n > 0 {
			c.locals = append(c.locals, localGroup{uint32(n), of})
		}
	}
	c.at = r.at
	return c
}
