package format

// Unit is the unit of a limit.
type Unit string

const (
	Characters Unit = "characters"   // counted as UTF-16 units, which are never fewer
	UTF16      Unit = "UTF-16 units" //
	Bytes      Unit = "bytes"        // of the body, with escapes
	Entries    Unit = "entries"
)

// Limit is a limit that a format keeps.
type Limit struct {
	What   string
	Max    int
	Unit   Unit
	Source string // where the limit comes from
}
