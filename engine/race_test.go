//go:build race

package engine_test

// fairBound bounds the ratio of the shortest times. The race detector makes times vary more.
const fairBound = 2
