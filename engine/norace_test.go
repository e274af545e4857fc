//go:build !race

package engine_test

// fairBound bounds the ratio of the shortest times: other programs take the processor meanwhile.
const fairBound = 1.25
