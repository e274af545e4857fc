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
	e := encoder{dst: dst, limit: len(dst) + maxJSON}
	e.value(v)
	if e.err != nil {
		return dst, e.err
	}
	return e.dst, nil
}

type encoder struct {
	dst   []byte
	limit int
	depth int
	err   error // the first one
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = &RunError{Message: fmt.Sprintf(format, args...)}
	}
}

func (e *encoder) value(v any) {
	if len(e.dst) > e.limit {
		e.fail("the JSON is over %d MiB", maxJSON>>20)
	}
	if e.depth++; e.depth > maxDepth {
		e.fail("nested too deeply")
	}
	defer func() { e.depth-- }()
	if e.err != nil {
		return
	}
	switch v := v.(type) {
	case nil:
		e.dst = append(e.dst, "null"...)
	case bool:
		e.dst = strconv.AppendBool(e.dst, v)
	case string:
		e.dst = jsonbytes.AppendString(e.dst, v)
	case int:
		e.dst = strconv.AppendInt(e.dst, int64(v), 10)
	case uint64:
		e.dst = strconv.AppendUint(e.dst, v, 10)
	case float64:
		e.float(v)
	case []any:
		e.list(v)
	case map[string]any:
		e.object(v)
	case time.Time:
		e.dst = append(v.AppendFormat(append(e.dst, '"'), time.RFC3339Nano), '"')
	case time.Duration:
		e.dst = append(append(append(e.dst, '"'), v.String()...), '"')
	case json.RawMessage:
		e.dst = append(e.dst, v...)
	case fmt.Stringer: // time's months, weekdays and zones
		e.dst = jsonbytes.AppendString(e.dst, v.String())
	default:
		e.fail("no JSON for a %s", kindOf(v))
	}
}

func (e *encoder) list(list []any) {
	e.dst = append(e.dst, '[')
	for i, v := range list {
		if i > 0 {
			e.dst = append(e.dst, ',')
		}
		e.value(v)
	}
	e.dst = append(e.dst, ']')
}

func (e *encoder) object(m map[string]any) {
	e.dst = append(e.dst, '{')
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			e.dst = append(e.dst, ',')
		}
		e.dst = append(jsonbytes.AppendString(e.dst, key), ':')
		e.value(m[key])
	}
	e.dst = append(e.dst, '}')
}

// float writes the shortest form that decodes to the same number, as encoding/json does.
func (e *encoder) float(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		e.fail("no JSON for the number %v", f)
		return
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	e.dst = strconv.AppendFloat(e.dst, f, format, -1, 64)
}
