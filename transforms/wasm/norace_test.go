//go:build !race

package wasm_test

const slowdown = 1
