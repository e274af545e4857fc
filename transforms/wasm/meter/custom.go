package meter

import "unicode/utf8"

const maxProducers = 32 // producers that are kept

type funcName struct {
	index uint32
	name  string
}

// decodeCustom reads a custom section. It keeps the names of functions and the producers, if they are well-formed. A malformed
// section is dropped, not refused: it does not change what the module does.
func (m *module) decodeCustom(r *reader) {
	name := r.name()
	if r.err != nil {
		return
	}
	inner := &reader{bytes: r.bytes, at: r.at, end: r.end}
	switch name {
	case "name":
		m.decodeNames(inner)
	case "producers":
		m.decodeProducers(inner)
	}
}

// decodeNames reads the function names of a name section, whose indices ascend. appendNames checks them against the number
// of functions, since the section may come first.
func (m *module) decodeNames(r *reader) {
	for r.more() {
		id, size := r.byte(), int(r.u32())
		if r.err != nil || size > r.end-r.at {
			return
		}
		if id != 1 {
			r.at += size
			continue
		}
		names := []funcName{}
		sub := &reader{bytes: r.bytes, at: r.at, end: r.at + size}
		for range sub.count(maxImports+maxFunctions, "names") {
			n := funcName{sub.u32(), sub.name()}
			if sub.err != nil || len(names) > 0 && n.index <= names[len(names)-1].index {
				return
			}
			names = append(names, n)
		}
		if sub.err == nil && sub.at == sub.end && m.names == nil {
			m.names = names
		}
		return
	}
}

func (m *module) decodeProducers(r *reader) {
	var found []Producer
	for range r.count(maxProducers, "fields") {
		field := r.name()
		for range r.count(maxProducers, "values") {
			p := Producer{field, r.name(), r.name()}
			if r.err != nil || !utf8.ValidString(p.Name) || len(found) == maxProducers {
				return
			}
			found = append(found, p)
		}
	}
	if r.err == nil && r.at == r.end && m.producers == nil {
		m.producers = found
	}
}

// appendNames writes a name section with the names of functions only.
func (m *module) appendNames(b []byte) []byte {
	names := m.names
	for len(names) > 0 && int(names[len(names)-1].index) >= len(m.funcs) {
		names = names[:len(names)-1]
	}
	if len(names) == 0 {
		return b
	}
	list := appendU32(nil, uint32(len(names)))
	for _, n := range names {
		list = appendName(appendU32(list, m.shifted(n.index)), n.name)
	}
	return appendName(append(b, 0), appendName(append(appendName([]byte(nil), "name"), 1), list))
}
