package meter

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"sync"
)

// sources are all files that decide what Rewrite writes.
//
//go:embed bounds.go calls.go charge.go constant.go cost.go custom.go declare.go feature.go instruction.go meter.go
//go:embed opcode.go reader.go rewrite.go scan.go section.go segment.go skeleton.go work.go write.go
var sources embed.FS

// Version identifies this meter. Do not use what another version has rewritten. The version is a hash of the sources, so it
// changes whenever they do.
func Version() string { return version() }

var version = sync.OnceValue(func() string {
	sum := sha256.New()
	files, _ := fs.Glob(sources, "*.go") // the pattern is good
	for _, name := range files {
		text, _ := sources.ReadFile(name) // it is embedded
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil))
})
