package meter

import "fmt"

// rewrite counts fuel and stack in every function and writes the module.
func (m *module) rewrite() (*Module, error) {
	g, err := m.analyse()
	if err != nil {
		return nil, err
	}
	if g.uncounted > int64(m.limits.Stack) {
		return nil, fmt.Errorf("the deepest chain of calls needs %d bytes of stack, want at most %d", g.uncounted, m.limits.Stack)
	}
	fuel := m.limits.Fuel - m.starting
	if fuel < 0 {
		return nil, fmt.Errorf("an instance costs %d fuel to start, want at most %d", m.starting, m.limits.Fuel)
	}
	codes, err := m.writeCodes(g)
	if err != nil {
		return nil, err
	}
	out := &Module{
		Wasm:           m.write(codes, fuel, m.limits.Stack-int32(g.uncounted)),
		HasStart:       m.hasStart,
		InitialFuel:    fuel,
		UncountedStack: int(g.uncounted),
		Functions:      len(m.codes),
		Compiled:       g.size,
		Producers:      m.producers,
	}
	out.Imports = m.functionImports()
	for _, e := range m.exports {
		export := Export{Name: e.name, Kind: e.kind}
		if e.kind == Func {
			export.Signature = m.types[m.funcs[e.index]]
		}
		out.Exports = append(out.Exports, export)
	}
	if len(m.memories) > 0 {
		out.MinPages, out.MaxPages = m.memories[0].min, m.memories[0].max
	}
	return out, nil
}

func (m *module) functionImports() (imports []Import) {
	for _, e := range m.imports {
		if e.kind == Func {
			imports = append(imports, Import{e.module, e.name, m.types[e.index]})
		}
	}
	return imports
}

// nameOf returns the name of a defined function for an error.
func (m *module) nameOf(f int) string {
	index := uint32(m.importedFuncs + f)
	for _, n := range m.names {
		if n.index == index {
			return fmt.Sprintf("function %d (%q)", index, short(n.name))
		}
	}
	return fmt.Sprintf("function %d", index)
}

// writeCodes writes the code section's content. Code without refills is refused if it would grow too much with them, so that what
// could be rewritten without can be rewritten with them.
func (m *module) writeCodes(g *callGraph) ([]byte, error) {
	limit := max(maxGrowth*len(m.bytes), outputFloor)
	var out []byte
	length := 0 // of the code with refills
	w := &writer{fuel: uint32(m.globals), stack: uint32(m.globals) + 1, refill: uint32(m.importedFuncs), refills: m.limits.Refill}
	s := &scanner{folded: g.folded}
	for f := range m.codes {
		if err := m.scan(f, s); err != nil {
			return nil, fmt.Errorf("%s: %w", m.nameOf(f), err)
		}
		s.settle()
		m.writeFunction(f, w, s, g)
		out = append(appendU32(out, uint32(len(w.body))), w.body...)
		with := len(w.body) + w.longer
		if length += lengthU32(uint32(with)) + with; length > limit {
			return nil, fmt.Errorf("%s: the code grows to more than %d times its length by counting", m.nameOf(f), maxGrowth)
		}
	}
	return out, nil
}

// writeFunction writes a function, with a charge at the start of each node that has a cost.
func (m *module) writeFunction(f int, w *writer, s *scanner, g *callGraph) {
	c := &m.codes[f]
	if s.bulk > 0 {
		w.begin(c.groups+1, c.locals)
		w.spare = uint32(c.count)
		w.body = append(appendU32(w.body, 2), i32)
	} else {
		w.begin(c.groups, c.locals)
	}
	late := s.cost <= maxLate && (len(s.calls)+len(s.indirect) == 0 || s.cost <= maxLateByte*g.frames[f])
	begin := func(node int) {
		if !g.folds[f] && node < len(s.nodes) && s.nodes[node].cost > 0 {
			if late && s.nodes[node].parent >= 0 {
				w.chargeLater(s.nodes[node].cost)
			} else {
				w.charge(s.nodes[node].cost)
			}
		}
	}
	begin(0)
	code := m.stream(c, s.out)
	for node := 0; code.more(); {
		in := code.next()
		if !code.more() {
			break // the function's own end
		}
		m.writeInstr(f, w, in, g)
		switch in.op {
		case opBlock, opLoop, opIf:
			w.depth++
		case opEnd:
			w.depth--
		}
		switch in.op {
		case opLoop, opIf, opElse, opEnd:
			node++
			begin(node)
		}
	}
	w.finish(m.blockType(m.types[m.funcs[m.importedFuncs+f]].Results))
}

// blockType returns the type of a block with the results, in canonical encoding. If the module does not have it, since its functions
// have parameters, too, blockType adds it.
func (m *module) blockType(results string) []byte {
	switch len(results) {
	case 0:
		return []byte{noType}
	case 1:
		return []byte(results)
	}
	index, known := m.blocks[results]
	if !known {
		if m.blocks == nil {
			m.blocks = map[string]uint32{}
		}
		index = uint32(len(m.types) + len(m.blocks))
		m.blocks[results] = index
		types := &m.sections[typeSection]
		types.n++
		types.body = appendName(append(types.body, functionForm, 0), results)
	}
	return appendSigned(nil, int64(index))
}

func (m *module) writeInstr(f int, w *writer, in *instr, g *callGraph) {
	if callee := uint32(in.x); !w.refills && (in.op == opCall || in.op == opRefFunc) && int(callee) >= m.importedFuncs {
		w.longer += lengthU32(callee+1) - lengthU32(callee)
	}
	switch in.op {
	case opCall:
		if callee := int(in.x) - m.importedFuncs; callee >= 0 && g.component[callee] == g.component[f] {
			w.countedCall(in, g.frames[f])
			return
		}
	case opCallIndirect:
		if g.component[g.typeNode[in.x]] == g.component[f] {
			w.countedCall(in, g.frames[f])
			return
		}
	case opMemoryGrow:
		w.growMemory(in)
		return
	case opMemoryInit, opMemoryCopy, opMemoryFill:
		w.chargeLength(bulkShift)
	case opTableInit, opTableCopy, opTableGrow, opTableFill:
		w.chargeLength(0)
	}
	w.out = append(w.out, in.raw...)
}
