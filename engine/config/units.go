package config

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/expression"
)

// ParseDuration parses a duration as expressions do: "90s", "7d", "1d12h".
func ParseDuration(text string) (time.Duration, error) { return expression.ParseDuration(text) }

// shortDuration formats a duration as people write it: 24h, not 24h0m0s.
func shortDuration(d time.Duration) string {
	if day := 24 * time.Hour; d > day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// sizeUnits is sorted for matching suffixes: "B" is last because all units end with it.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

func parseSize(text string) (int64, error) {
	unit := int64(1)
	for _, u := range sizeUnits {
		if number, has := strings.CutSuffix(text, u.name); has {
			text, unit = strings.TrimRight(number, " "), u.bytes
			break
		}
	}
	number, err := strconv.ParseFloat(text, 64)
	size := number * float64(unit)
	if err != nil || strings.Trim(text, "0123456789.") != "" || size >= math.MaxInt64 { // Go knows other forms, which nobody means here
		return 0, strconv.ErrSyntax
	}
	return int64(size), nil
}

// shortSize formats a size as people write it: 1GiB.
func shortSize(bytes int64) string {
	for i := 3; i >= 0; i-- {
		if u := sizeUnits[i]; bytes >= u.bytes && bytes%u.bytes == 0 {
			return strconv.FormatInt(bytes/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(bytes, 10) + "B"
}
