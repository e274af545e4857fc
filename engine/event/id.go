package event

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// lineID is the id of an event of AWF's own dialects: SHA-256 of the line's exact bytes without its ending, in hex.
// AWF writes no ids, and a line that is read again must be known again.
func lineID(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// givenID is the id of an event whose writer gave it one. It hashes an id that looks like a lineID, or like one of another source, always
// to the same one. So nobody can take the id of a line that AWF has yet to write, or of another source's event, to make it count as known.
func givenID(id string) string {
	_, err := hex.DecodeString(id)
	if strings.Contains(id, ofSource) || len(id) == 2*sha256.Size && err == nil {
		return lineID([]byte("id " + id)) // no line of a dialect begins so
	}
	return id
}

// ofSource stands before the name of its source in an id that is one of the source's own.
const ofSource = "@"

// OwnID is the id of an event to which its writer gave one, in a source other than stdin: "deploy-7@emit". Equal ids of two sources are of
// two events.
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
