package event

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// lineID returns the id of an event in one of AWF's own dialects, which have none: the SHA-256 of the line's bytes without its ending, in
// hex. A line that is read again has the same id.
func lineID(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// givenID returns the id of an event whose writer gave it one. It hashes an id that looks like a lineID or like the id of another source.
// So nobody can use up the id of a line that AWF has yet to write, or of another source's event.
func givenID(id string) string {
	if strings.Contains(id, ofSource) || isLineID(id) {
		return lineID([]byte("id " + id)) // no line of a dialect begins like this
	}
	return id
}

// isLineID reports whether an id has the form of a lineID.
func isLineID(id string) bool {
	if len(id) != 2*sha256.Size {
		return false
	}
	_, err := hex.DecodeString(id)
	return err == nil
}

// ofSource precedes the name of the source in an id.
const ofSource = "@"

// OwnID returns the id of an event whose writer gave it one, in a source other than stdin: "deploy-7@emit". So equal ids in two sources
// mean two events.
func OwnID(id, source string) string {
	if id == "" {
		return ""
	}
	return givenID(id) + ofSource + strings.ReplaceAll(source, ofSource, "%40")
}

// NewID returns a UUIDv7 (RFC 9562): the time in milliseconds, then random bits.
func NewID(now time.Time) string {
	var b [16]byte
	rand.Read(b[6:])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(b[:6], ms[2:])
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80

	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
