package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration parses a duration like time.ParseDuration, which lacks days: 7d.
func ParseDuration(text string) (time.Duration, error) {
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		number, err := parseDecimal(days)
		if day := float64(24 * time.Hour); err == nil && number*day < math.MaxInt64 {
			return time.Duration(number * day), nil
		}
		return 0, errNumber
	}
	return time.ParseDuration(text)
}

var errNumber = strconv.ErrSyntax

// parseDecimal parses decimal digits with or without a fraction. It refuses other forms that Go knows, which nobody means here.
func parseDecimal(text string) (float64, error) {
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, errNumber
	}
	return strconv.ParseFloat(text, 64)
}

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
	number, err := parseDecimal(text)
	if size := number * float64(unit); err == nil && size < math.MaxInt64 {
		return int64(size), nil
	}
	return 0, errNumber
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
