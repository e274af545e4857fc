package meter

const header = "\x00asm\x01\x00\x00\x00"

// importRefill appends the function that adds fuel to the imports. All defined functions move up by one.
func (m *module) importRefill() {
	types, imports := &m.sections[typeSection], &m.sections[importSection]
	imports.n++
	imports.body = appendName(appendName(imports.body, RefillModule), RefillImport)
	imports.body = appendU32(append(imports.body, byte(Func)), uint32(types.n))
	types.n++
	types.body = append(types.body, functionForm, 0, 0)
}

// shifted returns the index of a function in the rewritten module.
func (m *module) shifted(f uint32) uint32 {
	if m.limits.Refill && int(f) >= m.importedFuncs {
		return f + 1
	}
	return f
}

// function reads the index of a function, and writes it as it is in the rewritten module.
func (m *module) function(r *reader) uint32 {
	before := len(r.out)
	f := r.index(len(m.funcs), "function")
	if r.err == nil {
		r.out = appendU32(r.out[:before], m.shifted(f))
	}
	return f
}

// write writes the module: the code that counts, the two globals and their exports, and everything else as it was read. A start
// function becomes an export, so that the host can call it under its own limits.
func (m *module) write(codes []byte, fuel int64, stack int32) []byte {
	m.sections[codeSection] = section{len(m.codes), codes}
	if m.limits.Refill {
		m.importRefill()
	}

	globals := &m.sections[globalSection]
	globals.n += 2
	globals.body = append(appendSigned(append(globals.body, i64, 1, byte(opI64Const)), fuel), byte(opEnd))
	globals.body = append(appendSigned(append(globals.body, i32, 1, byte(opI32Const)), int64(stack)), byte(opEnd))

	exports := &m.sections[exportSection]
	export := func(name string, kind ExternKind, index uint32) {
		exports.n++
		exports.body = appendU32(append(appendName(exports.body, name), byte(kind)), index)
	}
	export(FuelGlobal, Global, uint32(m.globals))
	export(StackGlobal, Global, uint32(m.globals)+1)
	if m.hasStart {
		export(StartExport, Func, m.shifted(m.start))
	}
	m.sections[startSection] = section{}

	b := append(make([]byte, 0, len(m.bytes)+len(codes)), header...)
	for _, s := range sectionOrder {
		if content := m.sections[s.id]; content.n > 0 {
			b = appendName(append(b, s.id), append(appendU32(nil, uint32(content.n)), content.body...))
		}
	}
	return m.appendNames(b)
}
