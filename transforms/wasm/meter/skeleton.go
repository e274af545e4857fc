package meter

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

// skeletonSection is the name of the custom section with the digest of the module that a skeleton is of.
const skeletonSection = "awf-hook.code"

// emptyFunction is a function's code with its size: no locals, unreachable, end.
var emptyFunction = []byte{3, 0, 0x00, 0x0b}

// Skeleton returns a module that [Rewrite] made, without its code: each function traps at once. With the native code of the module,
// a skeleton runs as the module does. It takes less time to read, since there is no code to check again. codeSize is the length of
// the module's code.
func Skeleton(wasm []byte) (skeleton []byte, codeSize int) {
	skeleton = append(skeleton, wasm[:len(header)]...)
	for rest := wasm[len(header):]; len(rest) > 0; {
		size, n := binary.Uvarint(rest[1:])
		body := rest[1+n : 1+n+int(size)]
		section := rest[:1+n+int(size)]
		rest = rest[len(section):]
		if section[0] == codeSection {
			codeSize = len(body)
			functions, _ := binary.Uvarint(body)
			code := append(binary.AppendUvarint(nil, functions), bytes.Repeat(emptyFunction, int(functions))...)
			section = append(binary.AppendUvarint([]byte{codeSection}, uint64(len(code))), code...)
		}
		skeleton = append(skeleton, section...)
	}
	digest := sha256.Sum256(wasm)
	custom := append(append([]byte{byte(len(skeletonSection))}, skeletonSection...), digest[:]...)
	return append(append(skeleton, 0, byte(len(custom))), custom...), codeSize
}
