package format

// Unit is what a limit counts.
type Unit string

const (
	Characters Unit = "characters"   // counted as UTF-16 units, which are never fewer
	UTF16      Unit = "UTF-16 units" //
	Bytes      Unit = "bytes"        // of the body, escapes included
	Entries    Unit = "entries"
)

// Limit is one limit of a receiver, as its format keeps it.
type Limit struct {
	What   string
	Max    int
	Unit   Unit
	Source string // where the limit comes from
}
