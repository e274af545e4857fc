package meter

import (
	"strconv"
	"strings"
)

// reserved is the prefix of names that only the meter may use.
const reserved = "awf:"

type importEntry struct {
	module, name string
	kind         ExternKind
	index        uint32 // type of a function
}

type exportEntry struct {
	name  string
	kind  ExternKind
	index uint32
}

type memory struct{ min, max uint32 } // pages

func (m *module) decodeImports(r *reader) int {
	return r.entries(maxImports, "imports", func() {
		entry := importEntry{module: r.name(), name: r.name()}
		at := r.at
		entry.kind = ExternKind(r.byte())
		where := func() string { return "import " + short(entry.module) + "." + short(entry.name) }
		switch {
		case strings.HasPrefix(entry.module, reserved) || strings.HasPrefix(entry.name, reserved):
			r.failAt(at, "%s: names that begin with %s are reserved", where(), reserved)
		case entry.kind > Global:
			r.failKind(at, where(), entry.kind)
		case entry.kind != Func && !m.limits.foreign:
			r.failAt(at, "%s: a %s cannot be imported, only functions can: %s", where(), entry.kind, ownAdvice[entry.kind])
		}
		if r.err != nil {
			return
		}
		switch entry.kind {
		case Func:
			entry.index = r.index(len(m.types), "type")
			m.funcs = append(m.funcs, entry.index)
			m.importedFuncs++
		case Table:
			m.decodeTable(r)
		case Memory:
			m.decodeMemory(r)
		case Global:
			m.decodeGlobalType(r)
			m.importedGlobals++
		}
		m.imports = append(m.imports, entry)
	})
}

// ownAdvice says how to build a module that defines these itself.
var ownAdvice = [...]string{
	Table:  "link it whole, without --import-table",
	Memory: "build without --import-memory, -sIMPORTED_MEMORY and threads",
	Global: "link it whole, not as a library to load (-shared, -sSIDE_MODULE)",
}

// limitsOf reads a minimum and a maximum. It writes both: without a maximum, or with a greater one, most is written.
func (r *reader) limitsOf(of string, limit, most uint32) (least, highest uint32) {
	before, at := len(r.out), r.at
	flag := r.byte()
	switch {
	case flag >= 8:
		r.failAt(at, "%s", customPages)
	case flag >= 4:
		r.failAt(at, "%s", memory64)
	case flag > 1:
		r.failAt(at, "%s", threads)
	}
	least, highest = r.u32(), most
	if flag == 1 {
		at := r.at
		declared := r.u32()
		switch {
		case declared < least:
			r.fail("the maximum %d is below the minimum %d", declared, least)
		case declared > limit:
			r.failAt(at, "%s of at most %d, want at most %d", of, declared, limit)
		}
		highest = min(declared, most)
	}
	r.out = appendU32(appendU32(append(r.out[:before], 1), least), highest)
	return least, highest
}

func (m *module) decodeTable(r *reader) {
	r.refType()
	least, _ := r.limitsOf("a table", 1<<32-1, maxElements)
	m.tables++
	if m.reserved += uint64(least); m.reserved > maxElements {
		r.fail("tables of %d elements, want at most %d", m.reserved, maxElements)
	}
}

func (m *module) decodeTables(r *reader) int {
	return r.entries(maxTables-m.tables, "tables", func() { m.decodeTable(r) })
}

func (m *module) decodeMemory(r *reader) {
	var mem memory
	mem.min, mem.max = r.limitsOf("memory", maxPages, m.limits.MemoryPages)
	if mem.min > m.limits.MemoryPages {
		r.fail("memory begins with %d pages, want at most %d", mem.min, m.limits.MemoryPages)
	}
	m.memories = append(m.memories, mem)
}

func (m *module) decodeMemories(r *reader) int {
	at := r.at
	n := r.count(maxMemories, "memories")
	r.out = nil
	if n+len(m.memories) > 1 {
		r.failAt(at, "%d memories: %s", n+len(m.memories), multiMemory)
	} else if n == 1 {
		m.decodeMemory(r)
	}
	return n
}

func (m *module) decodeGlobalType(r *reader) {
	r.valueType()
	at := r.at
	mutable := r.byte()
	if mutable > 1 {
		r.failAt(at, "mutability %#x is not known", mutable)
	}
	m.mutables += int(mutable)
	m.globals++
}

func (m *module) decodeGlobals(r *reader) int {
	return r.entries(maxGlobals, "globals", func() {
		m.decodeGlobalType(r)
		m.decodeConstant(r)
	})
}

// failKind refuses an import or an export of an unknown kind. A tag is a part of exceptions.
func (r *reader) failKind(at int, what string, kind ExternKind) {
	const tag = 4
	if kind == tag {
		r.failAt(at, "%s: %s", what, exceptions)
		return
	}
	r.failAt(at, "%s: kind %#x is not known", what, byte(kind))
}

func (m *module) decodeExports(r *reader) int {
	known := map[string]bool{}
	spaces := [...]int{Func: len(m.funcs), Table: m.tables, Memory: len(m.memories), Global: m.globals}
	return r.entries(maxExports, "exports", func() {
		entry := exportEntry{name: r.name()}
		if known[entry.name] {
			r.fail("export %q is repeated", short(entry.name))
		}
		known[entry.name] = true
		if strings.HasPrefix(entry.name, reserved) {
			r.fail("export %q: names that begin with %s are reserved", short(entry.name), reserved)
		}
		at := r.at
		if entry.kind = ExternKind(r.byte()); entry.kind > Global {
			r.failKind(at, "export "+strconv.Quote(short(entry.name)), entry.kind)
			return
		}
		if entry.kind == Func {
			entry.index = m.function(r)
		} else {
			entry.index = r.index(spaces[entry.kind], externNames[entry.kind])
		}
		if r.err == nil {
			m.exports = append(m.exports, entry)
		}
	})
}
