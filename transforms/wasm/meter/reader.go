package meter

import (
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// reader reads a module's bytes up to end, and writes all that it reads to out in canonical encoding. It keeps the first mistake,
// and reads zeros after it.
type reader struct {
	bytes []byte
	at    int // position of the next byte in the module
	end   int
	err   error
	out   []byte
}

// fail keeps the first mistake, with the position of the current byte.
func (r *reader) fail(format string, args ...any) { r.failAt(r.at, format, args...) }

// failAt keeps the first mistake, with a position.
func (r *reader) failAt(at int, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: %w", at, fmt.Errorf(format, args...))
	}
	r.at = r.end
}

func (r *reader) more() bool { return r.at < r.end && r.err == nil }

func (r *reader) byte() byte {
	b := r.next()
	r.out = append(r.out, b)
	return b
}

// next reads a byte without writing it.
func (r *reader) next() byte {
	if r.at >= r.end {
		r.fail("the module is cut short")
		return 0
	}
	b := r.bytes[r.at]
	r.at++
	return b
}

// take reads n bytes. The result is part of the module.
func (r *reader) take(n int) []byte {
	if n < 0 || n > r.end-r.at {
		r.fail("the module is cut short")
		return nil
	}
	b := r.bytes[r.at : r.at+n]
	r.at += n
	r.out = append(r.out, b...)
	return b
}

// u32 reads an unsigned LEB128 of at most 5 bytes. WebAssembly allows padding, but no bits beyond the 32nd.
func (r *reader) u32() uint32 {
	if r.at < r.end && r.bytes[r.at] < 0x80 {
		return uint32(r.byte())
	}
	start := r.at
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.next()
		if r.err != nil {
			return 0
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if v > 1<<32-1 {
				break
			}
			r.out = appendU32(r.out, uint32(v))
			return uint32(v)
		}
	}
	r.failAt(start, "a number does not fit 32 bits")
	return 0
}

// signed reads a signed LEB128 of at most width bits. The unused bits of its last byte must equal the sign.
func (r *reader) signed(width int) int64 {
	if r.at < r.end && r.bytes[r.at] < 0x80 {
		return int64(int8(r.byte()<<1) >> 1)
	}
	start := r.at
	var v uint64
	for shift := 0; shift < width; shift += 7 {
		b := r.next()
		if r.err != nil {
			return 0
		}
		v |= uint64(b&0x7f) << shift
		if b >= 0x80 {
			continue
		}
		used := min(shift+7, width)
		sign := int8(b<<1) >> (used - shift) // the bits of the last byte that do not count, and the sign
		if sign != 0 && sign != -1 {
			break
		}
		n := int64(v<<(64-used)) >> (64 - used)
		r.out = appendSigned(r.out, n)
		return n
	}
	r.failAt(start, "a number does not fit %d bits", width)
	return 0
}

// count reads the number of things that follow.
func (r *reader) count(limit int, of string) int {
	start := r.at
	n := r.u32()
	if int64(n) > int64(limit) {
		r.failAt(start, "%d %s, want at most %d", n, of, limit)
		return 0
	}
	return int(n)
}

// entries reads the number of entries of a section, and then each of them. It leaves the number out of what it writes, since entries
// may be added.
func (r *reader) entries(limit int, of string, each func()) int {
	n := r.count(limit, of)
	r.out = r.out[:0]
	for i := 0; i < n && r.err == nil; i++ {
		each()
	}
	return n
}

// index reads an index into n things.
func (r *reader) index(n int, of string) uint32 {
	start := r.at
	i := r.u32()
	if r.err == nil && uint64(i) >= uint64(n) {
		r.failAt(start, "%s %d of %d", of, i, n)
		return 0
	}
	return i
}

// name reads a string.
func (r *reader) name() string {
	n := r.count(maxName, "bytes of a name")
	start := r.at
	b := r.take(n)
	if !utf8.Valid(b) {
		r.failAt(start, "a name is not UTF-8")
		return ""
	}
	return string(b)
}

// short returns the part of a name that an error shows: names may be long and hold anything.
func short(name string) string {
	const longest = 60 // bytes
	return strings.ToValidUTF8(name[:min(len(name), longest)], "")
}

// valueType reads the type of a value.
func (r *reader) valueType() byte {
	start := r.at
	t := r.byte()
	if r.err == nil && typeNames[t] == "" {
		if f, known := typeFeature(t); known {
			r.failAt(start, "%s", f)
		}
		r.failAt(start, "value type %#x is not known", t)
		return 0
	}
	return t
}

// refType reads the type of a reference.
func (r *reader) refType() {
	start := r.at
	t := r.valueType()
	if t != funcref && t != externref && r.err == nil {
		r.failAt(start, "%s is not a type of references", typeNames[t])
	}
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

var typeNames = [256]string{i32: "i32", i64: "i64", f32: "f32", f64: "f64", v128: "v128", funcref: "funcref", externref: "externref"}

func appendU32(b []byte, v uint32) []byte {
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

// lengthU32 is how many bytes appendU32 appends.
func lengthU32(v uint32) int { return (bits.Len32(v|1) + 6) / 7 }

func appendSigned(b []byte, v int64) []byte {
	for v < -64 || v > 63 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v)&0x7f)
}

// appendName appends a string, or any bytes, behind their length.
func appendName[T string | []byte](b []byte, name T) []byte {
	return append(appendU32(b, uint32(len(name))), name...)
}
