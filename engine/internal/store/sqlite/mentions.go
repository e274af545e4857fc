package sqlite

import (
	"bytes"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// addMentions adds the function mentions(text, column, ...) to a connection: whether one of the columns contains the text, without regard
// to the case of ASCII letters. It takes less time than LIKE.
func (c *conn) addMentions() error {
	name, err := libc.CString("mentions")
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, name)
	function := mentions
	pointer := *(*uintptr)(unsafe.Pointer(&function)) // libc calls functions by such pointers
	return c.err(lib.Xsqlite3_create_function_v2(c.tls, c.db, name, -1, lib.SQLITE_UTF8|lib.SQLITE_DETERMINISTIC, 0, pointer, 0, 0, 0))
}

func mentions(tls *libc.TLS, context uintptr, n int32, values uintptr) {
	args := unsafe.Slice((*uintptr)(*(*unsafe.Pointer)(unsafe.Pointer(&values))), n)
	text, found := value(tls, args[0]), int32(0)
	for _, arg := range args[1:] {
		if containsFold(value(tls, arg), text) {
			found = 1
			break
		}
	}
	lib.Xsqlite3_result_int(tls, context, found)
}

// value returns the bytes of a text, which stay SQLite's.
func value(tls *libc.TLS, arg uintptr) []byte {
	text := lib.Xsqlite3_value_text(tls, arg) // must come before its length
	return libc.GoBytes(text, int(lib.Xsqlite3_value_bytes(tls, arg)))
}

// containsFold reports whether a text contains part, which is not empty, without regard to the case of ASCII letters.
func containsFold(text, part []byte) bool {
	first := lower(part[0])
	return containsAt(text, part, first) || 'a' <= first && first <= 'z' && containsAt(text, part, first-'a'+'A')
}

// containsAt looks at the places of the first byte only.
func containsAt(text, part []byte, first byte) bool {
	for {
		at := bytes.IndexByte(text, first)
		if at < 0 || len(text)-at < len(part) {
			return false
		}
		n := 1
		for n < len(part) && lower(text[at+n]) == lower(part[n]) {
			n++
		}
		if n == len(part) {
			return true
		}
		text = text[at+1:]
	}
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b - 'A' + 'a'
	}
	return b
}
