package store

import "fmt"

// Check returns the invariants that do not hold. An invariant is a text and a query that counts the cases that break it. count runs a
// query.
func Check(invariants [][2]string, count func(query string) (int64, error)) (wrong []string, err error) {
	for _, in := range invariants {
		n, err := count(in[1])
		if err != nil {
			return wrong, err
		}
		if n > 0 {
			wrong = append(wrong, fmt.Sprintf("%d %s", n, in[0]))
		}
	}
	return wrong, nil
}
