package expression

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// maxJSON is the longest JSON that AppendJSON writes, in bytes.
const maxJSON = 1 << 20

// AppendJSON appends a value as compact JSON. It sorts the keys of maps, and writes times as RFC 3339 and durations as strings like
// "1m30s".
func AppendJSON(dst []byte, v any) ([]byte, error) {
	text := dst
	_, err := protected(func() (any, error) {
		text = appendJSON(dst, len(dst)+maxJSON, 1, v)
		return nil, nil
	})
	return text, err
}

// appendJSON is AppendJSON for a value at a depth, up to a length. It panics with an error if there is no such JSON.
func appendJSON(dst []byte, limit, depth int, v any) []byte {
	switch {
	case len(dst) > limit:
		panic(fmt.Errorf("the JSON is over %d MiB", maxJSON>>20))
	case depth > maxDepth:
		panic(errDepth)
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case string:
		return jsonbytes.AppendString(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case uint64:
		return strconv.AppendUint(dst, v, 10)
	case float64:
		return appendFloat(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, element := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, limit, depth+1, element)
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(jsonbytes.AppendString(dst, key), ':')
			dst = appendJSON(dst, limit, depth+1, v[key])
		}
		return append(dst, '}')
	case time.Time:
		return append(v.AppendFormat(append(dst, '"'), time.RFC3339Nano), '"')
	case json.RawMessage:
		return append(dst, v...)
	case fmt.Stringer: // durations, and time's months, weekdays and zones
		return jsonbytes.AppendString(dst, v.String())
	}
	panic(fmt.Errorf("no JSON for a %s", kindOf(v)))
}

// appendFloat appends the shortest form that decodes to the same number, as encoding/json does.
func appendFloat(dst []byte, f float64) []byte {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}
