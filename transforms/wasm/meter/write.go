package meter

// section appends a section, unless it is empty.
func appendSection(b []byte, id byte, n int, content []byte) []byte {
	if n == 0 {
		return b
	}
	count := uint32(n)
	b = appendU32(append(b, id), uint32(sizeU32(count)+len(content)))
	return append(appendU32(b, count), content...)
}

// write writes the module: the given content of the code section, and all else as it was decoded.
func (m *module) write(codes []byte, fuel int64, stack int32) []byte {
	b := append(make([]byte, 0, len(m.bytes)+len(codes)), "\x00asm\x01\x00\x00\x00"...)
	b = m.writeDeclarations(b)
	b = m.writeGlobals(b, fuel, stack)
	b = m.writeExports(b)
	if m.hasStart {
		b = append(b, 8, byte(sizeU32(m.start)))
		b = appendU32(b, m.start)
	}
	var content []byte
	for i := range m.elements {
		content = m.elements[i].append(content)
	}
	b = appendSection(b, 9, len(m.elements), content)
	if m.dataCount >= 0 {
		b = append(b, 12, byte(sizeU32(uint32(m.dataCount))))
		b = appendU32(b, uint32(m.dataCount))
	}
	if len(m.codes) > 0 {
		b = append(appendU32(append(b, 10), uint32(len(codes))), codes...)
	}
	content = content[:0]
	for i := range m.datas {
		content = m.datas[i].append(content)
	}
	b = appendSection(b, 11, len(m.datas), content)
	return m.appendNames(b)
}

func (m *module) writeDeclarations(b []byte) []byte {
	var content []byte
	for _, t := range m.types {
		content = appendName(appendName(append(content, 0x60), t.Params), t.Results)
	}
	b = appendSection(b, 1, len(m.types), content)
	content = content[:0]
	var imported [4]uint32 // of each kind
	for _, e := range m.imports {
		content = append(appendName(appendName(content, e.module), e.name), byte(e.kind))
		i := imported[e.kind]
		switch e.kind {
		case Func:
			content = appendU32(content, e.index)
		case Table:
			content = m.tables[i].append(content)
		case Memory:
			content = m.memories[i].append(content)
		case Global:
			content = append(content, m.globals[i].of, m.globals[i].mutable)
		}
		imported[e.kind]++
	}
	b = appendSection(b, 2, len(m.imports), content)
	content = content[:0]
	for _, t := range m.funcs[m.importedFuncs:] {
		content = appendU32(content, t)
	}
	b = appendSection(b, 3, len(m.codes), content)
	content = content[:0]
	for _, t := range m.tables[m.importedTables:] {
		content = t.append(content)
	}
	b = appendSection(b, 4, len(m.tables)-m.importedTables, content)
	content = content[:0]
	for _, mem := range m.memories[m.importedMemories:] {
		content = mem.append(content)
	}
	return appendSection(b, 5, len(m.memories)-m.importedMemories, content)
}

// append writes the type of a table, always with its maximum.
func (t table) append(b []byte) []byte {
	return appendU32(appendU32(append(b, t.of, 1), t.min), t.max)
}

func (m memory) append(b []byte) []byte {
	return appendU32(appendU32(append(b, 1), m.min), m.max)
}

func (m *module) writeGlobals(b []byte, fuel int64, stack int32) []byte {
	var content []byte
	for _, g := range m.globals[m.importedGlobals:] {
		content = g.init.append(append(content, g.of, g.mutable))
	}
	content = appendSigned(append(content, i64, 1, byte(opI64Const)), fuel)
	content = append(content, byte(opEnd))
	content = appendSigned(append(content, i32, 1, byte(opI32Const)), int64(stack))
	content = append(content, byte(opEnd))
	return appendSection(b, 6, len(m.globals)-m.importedGlobals+2, content)
}

func (m *module) writeExports(b []byte) []byte {
	var content []byte
	for _, e := range m.exports {
		content = appendU32(append(appendName(content, e.name), byte(e.kind)), e.index)
	}
	fuel := uint32(len(m.globals))
	content = appendU32(append(appendName(content, FuelGlobal), byte(Global)), fuel)
	content = appendU32(append(appendName(content, StackGlobal), byte(Global)), fuel+1)
	return appendSection(b, 7, len(m.exports)+2, content)
}
