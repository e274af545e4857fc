package meter

import (
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// reader reads a module's bytes up to end. The first mistake is kept; what is read after it is zero.
type reader struct {
	bytes []byte
	at    int // the next byte's position in the module
	end   int
	err   error
}

// fail keeps the first mistake, with the position of the byte where it was seen.
func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: %w", r.at, fmt.Errorf(format, args...))
	}
	r.at = r.end
}

func (r *reader) more() bool { return r.at < r.end && r.err == nil }

func (r *reader) byte() byte {
	if r.at >= r.end {
		r.fail("the module is cut short")
		return 0
	}
	b := r.bytes[r.at]
	r.at++
	return b
}

// take returns the next n bytes, which are the module's own.
func (r *reader) take(n int) []byte {
	if n < 0 || n > r.end-r.at {
		r.fail("the module is cut short")
		return nil
	}
	b := r.bytes[r.at : r.at+n]
	r.at += n
	return b
}

// u32 reads an unsigned LEB128 of at most 5 bytes, as WebAssembly has it: padding is allowed, bits beyond the 32nd are not.
func (r *reader) u32() uint32 {
	start := r.at
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if v > 1<<32-1 {
				break
			}
			return uint32(v)
		}
	}
	r.at = start
	r.fail("a number does not fit 32 bits")
	return 0
}

// signed reads a signed LEB128 of at most the bits given, with the unused bits of its last byte equal to the sign.
func (r *reader) signed(width int) int64 {
	start := r.at
	var v uint64
	for shift := 0; shift < width; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		v |= uint64(b&0x7f) << shift
		if b >= 0x80 {
			continue
		}
		if used := shift + 7; used < width {
			return int64(v<<(64-used)) >> (64 - used)
		}
		left := width - shift // bits of the last byte that count
		sign := int8(b<<1) >> left
		if sign != 0 && sign != -1 {
			break
		}
		return int64(v<<(64-width)) >> (64 - width)
	}
	r.at = start
	r.fail("a number does not fit %d bits", width)
	return 0
}

// count reads how many of something follow.
func (r *reader) count(limit int, of string) int {
	start := r.at
	n := r.u32()
	if int64(n) > int64(limit) {
		r.at = start
		r.fail("%d %s, want at most %d", n, of, limit)
		return 0
	}
	return int(n)
}

// index reads an index and checks that there are so many.
func (r *reader) index(n int, of string) uint32 {
	start := r.at
	i := r.u32()
	if r.err != nil {
		return 0
	}
	if uint64(i) >= uint64(n) {
		r.at = start
		r.fail("%s %d of %d", of, i, n)
		return 0
	}
	return i
}

// name reads a string.
func (r *reader) name() string {
	b := r.take(r.count(maxName, "bytes of a name"))
	if !utf8.Valid(b) {
		r.at -= len(b)
		r.fail("a name is not UTF-8")
		return ""
	}
	return string(b)
}

// short is what an error shows of a name, which may be long and hold anything.
func short(name string) string {
	const longest = 60 // bytes
	return strings.ToValidUTF8(name[:min(len(name), longest)], "")
}

// valueType reads a type of values.
func (r *reader) valueType() byte {
	t := r.byte()
	switch t {
	case i32, i64, f32, f64, v128, funcref, externref:
		return t
	}
	r.at--
	r.fail("value type %#x is not known", t)
	return 0
}

// refType reads a type of references.
func (r *reader) refType() byte {
	t := r.valueType()
	if t != funcref && t != externref && r.err == nil {
		r.at--
		r.fail("%s is not a type of references", typeName(t))
	}
	return t
}

// The types of values.
const (
	i32       = 0x7f
	i64       = 0x7e
	f32       = 0x7d
	f64       = 0x7c
	v128      = 0x7b
	funcref   = 0x70
	externref = 0x6f
	noType    = 0x40 // a block without results
)

func appendU32(b []byte, v uint32) []byte {
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

func appendSigned(b []byte, v int64) []byte {
	for v < -64 || v > 63 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v)&0x7f)
}

func appendName(b []byte, name string) []byte {
	return append(appendU32(b, uint32(len(name))), name...)
}

// sizeU32 is the length of v in LEB128.
func sizeU32(v uint32) int { return max(1, (bits.Len32(v)+6)/7) }
