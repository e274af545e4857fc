package event

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// appendSeconds writes a duration, which must not be negative, as exact decimal seconds: 0.00202955.
func appendSeconds(dst []byte, d time.Duration) []byte {
	dst = strconv.AppendInt(dst, int64(d/time.Second), 10)
	if frac := d % time.Second; frac != 0 {
		digits := fmt.Sprintf("%09d", frac)
		dst = append(append(dst, '.'), strings.TrimRight(digits, "0")...)
	}
	return dst
}

// shorten keeps an error's quotation of the input readable.
func shorten(s string) string {
	const limit = 40
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
