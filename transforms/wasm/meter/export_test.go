package meter

// Foreign returns the limits with imported tables, memories and globals taken, as the core test suite needs them.
func (l Limits) Foreign() Limits {
	l.foreign = true
	return l
}

// Grown is a bound of all functions for a module of a length.
var Grown = grown
