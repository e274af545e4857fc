package spill

import (
	"slices"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// parts are parts of entries that one of the stores accepts.
type parts []part

type part struct {
	entry *delivery.Entry // with some of the wants of the whole
	whole *delivery.Entry
	wants []int // their indexes in the whole
}

// split divides entries between the file and memory. Memory gets the deliveries that it knows, and those with an order
// key that has others there, so that they stay behind these. Usually that is none.
func (s *Store) split(entries []*delivery.Entry) (toFile, toMemory parts) {
	empty := s.memory.IsEmpty()
	for _, entry := range entries {
		entry.Claims = nil
		file, mem := part{whole: entry}, part{whole: entry}
		for i := range entry.Wants {
			if !empty && s.memory.Has(entry.Event.ID, &entry.Wants[i]) {
				mem.wants = append(mem.wants, i)
			} else {
				file.wants = append(file.wants, i)
			}
		}
		toFile, toMemory = toFile.with(file), toMemory.with(mem)
	}
	return toFile, toMemory
}

func (ps parts) with(p part) parts {
	switch len(p.wants) {
	case 0:
		return ps
	case len(p.whole.Wants):
		p.entry = p.whole
	default:
		p.entry = &delivery.Entry{Event: p.whole.Event}
		for _, i := range p.wants {
			p.entry.Wants = append(p.entry.Wants, p.whole.Wants[i])
		}
	}
	return append(ps, p)
}

func (ps parts) list() []*delivery.Entry {
	entries := make([]*delivery.Entry, len(ps))
	for i, p := range ps {
		entries[i] = p.entry
	}
	return entries
}

// accepted returns what is new in the parts.
func (ps parts) accepted() (entries []*delivery.Entry) {
	for _, p := range ps {
		entry := &delivery.Entry{Event: p.entry.Event}
		for _, want := range p.entry.Wants {
			if want.Fate != delivery.Known {
				entry.Wants = append(entry.Wants, want)
			}
		}
		entries = append(entries, entry)
	}
	return entries
}

// merge copies the fates of the parts to the whole entries.
func (ps parts) merge() {
	for _, p := range ps {
		if p.entry == p.whole {
			continue
		}
		for i, at := range p.wants {
			p.whole.Wants[at].Fate = p.entry.Wants[i].Fate
		}
		p.whole.Claims = append(p.whole.Claims, p.entry.Claims...)
	}
}

// divide divides outcomes by where their deliveries are. Nearly always all are in one place, and nothing is copied.
func (s *Store) divide(settlements []delivery.Settlement) (inFile, inMemory []delivery.Settlement) {
	isInMemory := func(st delivery.Settlement) bool { return s.memory.Owns(st.Claim) }
	switch n := slices.IndexFunc(settlements, isInMemory); {
	case n < 0:
		return settlements, nil
	case n == 0 && !slices.ContainsFunc(settlements, func(st delivery.Settlement) bool { return !isInMemory(st) }):
		return nil, settlements
	}
	for _, st := range settlements {
		if isInMemory(st) {
			inMemory = append(inMemory, st)
		} else {
			inFile = append(inFile, st)
		}
	}
	return inFile, inMemory
}
