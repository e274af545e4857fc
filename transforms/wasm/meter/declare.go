package meter

import "strings"

// reserved is how the names begin that only the meter may use.
const reserved = "awf:"

type importEntry struct {
	module, name string
	kind         Kind
	index        uint32 // of its type, for a function; else in its index space
}

type exportEntry struct {
	name  string
	kind  Kind
	index uint32
}

type table struct {
	of       byte
	min, max uint32
}

type memory struct {
	min, max uint32 // pages
}

type global struct {
	of      byte
	mutable byte
	init    constant // not of an imported one
}

func (m *module) decodeImports(r *reader) {
	for range r.count(maxImports, "imports") {
		entry := importEntry{module: r.name(), name: r.name()}
		at := r.at
		entry.kind = Kind(r.byte())
		switch {
		case strings.HasPrefix(entry.module, reserved) || strings.HasPrefix(entry.name, reserved):
			r.at = at
			r.fail("import %s.%s: names that begin with %s are reserved", short(entry.module), short(entry.name), reserved)
		case entry.kind > Global:
			r.at = at
			r.fail("import %s.%s: kind %#x is not known", short(entry.module), short(entry.name), byte(entry.kind))
		case entry.kind != Func && !m.limits.foreign:
			r.at = at
			r.fail("import %s.%s: a %s cannot be imported, only functions can", short(entry.module), short(entry.name), entry.kind)
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
			m.tables = append(m.tables, m.decodeTable(r))
			m.importedTables++
		case Memory:
			m.memories = append(m.memories, m.decodeMemory(r))
			m.importedMemories++
		case Global:
			m.globals = append(m.globals, decodeGlobalType(r))
			m.importedGlobals++
		}
		m.imports = append(m.imports, entry)
	}
}

// limitsOf reads a minimum and a maximum, which is the most that there may be if none is given.
func (r *reader) limitsOf(most uint32) (least, highest uint32) {
	flag := r.byte()
	if flag > 1 {
		r.at--
		r.fail("limits %#x are not known: no shared or 64-bit memories", flag)
	}
	least, highest = r.u32(), most
	if flag == 1 {
		highest = r.u32()
		if highest < least {
			r.fail("the maximum %d is below the minimum %d", highest, least)
		}
	}
	return least, highest
}

func (m *module) decodeTable(r *reader) table {
	t := table{of: r.refType()}
	t.min, t.max = r.limitsOf(maxElements)
	t.max = min(t.max, maxElements)
	sum := uint64(t.min)
	for _, other := range m.tables {
		sum += uint64(other.min)
	}
	if sum > maxElements {
		r.fail("tables of %d elements, want at most %d", sum, maxElements)
	}
	return t
}

func (m *module) decodeTables(r *reader) {
	for range r.count(maxTables-m.importedTables, "tables") {
		m.tables = append(m.tables, m.decodeTable(r))
		if r.err != nil {
			return
		}
	}
}

func (m *module) decodeMemory(r *reader) memory {
	var mem memory
	mem.min, mem.max = r.limitsOf(maxPages)
	if mem.max > maxPages {
		r.fail("memory of at most %d pages, want at most %d", mem.max, maxPages)
	}
	if mem.min > m.limits.MemoryPages {
		r.fail("memory begins with %d pages, want at most %d", mem.min, m.limits.MemoryPages)
	}
	mem.max = min(mem.max, m.limits.MemoryPages)
	return mem
}

func (m *module) decodeMemories(r *reader) {
	for range r.count(1-m.importedMemories, "memories") {
		m.memories = append(m.memories, m.decodeMemory(r))
	}
}

func decodeGlobalType(r *reader) global {
	g := global{of: r.valueType(), mutable: r.byte()}
	if g.mutable > 1 {
		r.at--
		r.fail("mutability %#x is not known", g.mutable)
	}
	return g
}

func (m *module) decodeGlobals(r *reader) {
	for range r.count(maxGlobals, "globals") {
		g := decodeGlobalType(r)
		g.init = m.decodeConstant(r)
		if r.err != nil {
			return
		}
		m.globals = append(m.globals, g)
	}
}

func (m *module) decodeExports(r *reader) {
	known := map[string]bool{}
	for range r.count(maxExports, "exports") {
		entry := exportEntry{name: r.name()}
		if known[entry.name] {
			r.fail("export %q is repeated", short(entry.name))
		}
		known[entry.name] = true
		if strings.HasPrefix(entry.name, reserved) {
			r.fail("export %q: names that begin with %s are reserved", short(entry.name), reserved)
		}
		entry.kind = Kind(r.byte())
		switch entry.kind {
		case Func:
			entry.index = r.index(len(m.funcs), "function")
		case Table:
			entry.index = r.index(len(m.tables), "table")
		case Memory:
			entry.index = r.index(len(m.memories), "memory")
		case Global:
			entry.index = r.index(len(m.globals), "global")
		default:
			r.at--
			r.fail("export %q: kind %#x is not known", short(entry.name), byte(entry.kind))
		}
		if r.err != nil {
			return
		}
		m.exports = append(m.exports, entry)
	}
}
