package meter

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
)

// sources are all that decides what Rewrite writes.
//
//go:embed bounds.go calls.go charge.go cost.go custom.go declare.go instruction.go meter.go opcode.go reader.go rewrite.go scan.go section.go segment.go work.go write.go
var sources embed.FS

// Version tells this meter from every other one: what one of another version has rewritten must not be used. It is made of the
// sources, so that nobody can forget to change it.
func Version() string {
	sum := sha256.New()
	files, _ := fs.Glob(sources, "*.go") // the pattern is good
	for _, name := range files {
		text, _ := sources.ReadFile(name) // it is embedded
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
