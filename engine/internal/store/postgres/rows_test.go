package postgres

import (
	"testing"
	"time"
)

// A query whose columns are not what they are read as is an error, and NULL is the zero value of everything.
func TestColumnsAreWhatTheyAreReadAs(t *testing.T) {
	values := []any{int16(1), int32(1), int64(1), true, 1.5, time.Now(), "text", []byte("bytes"), nil}
	for name, reads := range map[string]struct {
		read func(*row)
		want string // of which of the values
	}{
		"number": {func(r *row) { r.Int64() }, "yyy.....y"},
		"bool":   {func(r *row) { r.Bool() }, "...y....y"},
		"float":  {func(r *row) { r.Float() }, "....y...y"},
		"time":   {func(r *row) { r.Time() }, ".....y..y"},
		"text":   {func(r *row) { r.Text() }, "......yyy"},
		"bytes":  {func(r *row) { r.Bytes() }, ".......yy"},
	} {
		got := ""
		for _, value := range values {
			r := &row{values: []any{value}}
			if reads.read(r); r.err == nil {
				got += "y"
			} else {
				got += "."
			}
		}
		if got != reads.want {
			t.Errorf("as a %s can be read %s, want %s", name, got, reads.want)
		}
	}
}
