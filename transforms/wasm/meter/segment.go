package meter

import (
	"cmp"
	"slices"
)

// take notes that the module takes a function's reference, so that it may call the function indirectly.
func (m *module) take(f uint32) {
	if m.taken == nil {
		m.taken = make([]bool, maxImports+maxFunctions)
	}
	m.taken[f] = true
	m.hostTaken = m.hostTaken || int(f) < m.importedFuncs
}

func (m *module) decodeElements(r *reader) int {
	return r.entries(maxSegments, "element segments", func() {
		m.elements++
		m.decodeElement(r)
	})
}

// The flags of an element segment.
const (
	notActive  = 1
	explicit   = 2 // names its table; if not active, it is declarative
	byConstant = 4 // of constants, not of functions
)

func (m *module) decodeElement(r *reader) {
	flags := r.count(7, "as the flags of an element segment")
	if flags&notActive == 0 {
		table := uint32(0)
		if flags&explicit != 0 {
			table = r.u32()
		}
		if uint64(table) >= uint64(m.tables) {
			r.fail("table %d of %d", table, m.tables)
		}
		m.decodeConstant(r)
	}
	if flags&(notActive|explicit) != 0 {
		at := r.at
		if flags&byConstant != 0 {
			r.refType()
		} else if kind := r.byte(); kind != 0 {
			r.failAt(at, "element kind %#x is not known", kind)
		}
	}
	n := r.count(maxInits-m.inits, "elements")
	m.inits += n
	m.starting += elementCost * int64(n)
	for range n {
		if flags&byConstant != 0 {
			m.decodeConstant(r)
		} else {
			m.take(m.function(r))
		}
		if r.err != nil {
			break
		}
	}
}

// The flags of a data segment.
const (
	passive       = 1
	explicitIndex = 2 // names its memory
)

// data is a data segment.
type data struct {
	head     []byte // what precedes its bytes
	bytes    []byte
	at       int64 // where it is copied to, if isPlaced
	isPlaced bool
	isActive bool
}

func (d *data) end() int64 { return d.at + int64(len(d.bytes)) }

func (m *module) decodeDatas(r *reader) int {
	var datas []data
	r.entries(maxSegments, "data segments", func() { datas = append(datas, m.decodeData(r)) })
	isForeign := slices.ContainsFunc(m.imports, func(e importEntry) bool { return e.kind == Memory })
	if m.dataCount < 0 && !isForeign { // no instruction names a segment, and the memory is new
		datas = joined(datas)
	}
	r.out = r.out[:0]
	for _, d := range datas {
		r.out = appendName(append(r.out, d.head...), d.bytes)
		if d.isActive {
			m.starting += segmentCost + int64(len(d.bytes))<<dataShift
		}
	}
	return len(datas)
}

// joined joins segments that are close to each other, with zeros between them: an engine takes as long to start a segment as to
// copy a kilobyte, and Go makes tens of thousands. If segments overlap, joined returns them unchanged.
func joined(datas []data) []data {
	sorted := slices.Clone(datas)
	slices.SortFunc(sorted, func(a, b data) int { return cmp.Compare(a.at, b.at) })
	out := sorted[:0]
	high := int64(0)
	for _, d := range sorted {
		gap := d.at - high
		if !d.isPlaced || gap < 0 {
			return datas
		}
		if last := len(out) - 1; last >= 0 && gap <= maxGap {
			out[last].bytes = append(append(out[last].bytes, make([]byte, gap)...), d.bytes...)
		} else {
			out = append(out, d)
		}
		high = d.end()
	}
	return out
}

func (m *module) decodeData(r *reader) data {
	before := len(r.out)
	flags := r.count(2, "as the flags of a data segment")
	if flags == explicitIndex {
		r.index(1, "memory")
		r.out = append(r.out[:before], 0)
	}
	d := data{isActive: flags != passive}
	if d.isActive {
		if len(m.memories) == 0 {
			r.fail("a data segment without a memory")
		}
		at := m.decodeConstant(r)
		d.at, d.isPlaced = int64(uint32(at.value)), at.isKnown && at.of == i32
	}
	d.head = slices.Clone(r.out[before:])
	size := r.count(len(m.bytes), "bytes of data")
	d.bytes = slices.Clip(r.take(size))
	r.out = r.out[:0]
	return d
}
