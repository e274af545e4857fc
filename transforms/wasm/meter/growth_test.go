package meter_test

import (
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

// A module that can be rewritten without refills can be rewritten with them: a host does that long after it has accepted the module.
// The modules have more and more equal functions, up to where their code grows too much or is refused for something else.
func TestGrowthIsBoundedForBothKindsOfCode(t *testing.T) {
	grewTooMuch := 0
	for name, code := range map[string]string{
		"loops":            repeat(loop+end, 30),
		"many loops":       repeat(loop+end, 900),
		"loops with a nop": repeat(loop+nop+end, 30),
		"nested loops":     repeat(loop, 30) + repeat(end, 30),
		"ifs":              repeat(constant(0)+if_+end, 30),
		"calls in loops":   repeat(loop+call(127)+end, 30),
		"recursion":        repeat(call(127), 30),
		"far recursion":    repeat(call(1), 30),
		"fills":            repeat(constant(0)+constant(0)+constant(0)+fill, 30),
		"grows":            repeat(constant(0)+grow+drop, 30),
	} {
		for functions := 400; functions <= 6_000; functions *= 2 {
			b := build{memory: list("\x00\x01"), bodies: make([]string, functions)}
			for i := range b.bodies {
				b.bodies[i] = body("", code)
			}
			wasm := b.wasm()
			_, plain := meter.Rewrite(wasm, limits())
			_, refills := meter.Rewrite(wasm, withRefills(limits()))
			if plain == nil && refills != nil {
				t.Errorf("%d functions of %s: refused with refills only: %v", functions, name, refills)
			}
			if plain != nil {
				if strings.Contains(plain.Error(), "grows to more than") {
					grewTooMuch++
				}
				break
			}
		}
	}
	if grewTooMuch < 3 { // loops, nested loops, grows
		t.Errorf("%d kinds of modules grow too much, want at least 3", grewTooMuch)
	}
}
