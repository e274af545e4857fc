//go:build race

package wasm_test

// slowdown is by how much the race detector may stretch what is bounded in time or memory.
const slowdown = 20
