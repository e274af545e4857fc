package expression

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

func abs(b *budget, args []any) (any, error) {
	if c, _ := compare("<", args[0], 0); c < 0 {
		return negate(b, args)
	}
	return args[0], nil
}

func rounded(round func(float64) float64) function {
	return func(_ *budget, args []any) (any, error) { return round(floatOf(args[0])), nil }
}

// floatOf returns a number as a float64.
func floatOf(v any) float64 {
	_, f, _, _ := numberOf(v)
	return f
}

func toInt(_ *budget, args []any) (any, error) {
	if s, ok := args[0].(string); ok {
		i, err := strconv.Atoi(s)
		if err != nil {
			return nil, errors.New("the string is not a whole number")
		}
		return i, nil
	}
	i, f, isInt, isNumber := numberOf(args[0])
	switch {
	case !isNumber:
		return nil, fmt.Errorf("want a number or a string, got %s", kindOf(args[0]))
	case isInt:
		return i, nil
	case !(f >= math.MinInt && f < math.MaxInt):
		return nil, errOverflow
	}
	return int(f), nil
}

func toFloat(_ *budget, args []any) (any, error) {
	if s, ok := args[0].(string); ok {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || strings.Trim(s, "0123456789+-.eE") != "" { // such as "inf", "0x1p4" and "1_000"
			return nil, errors.New("the string is not a number")
		}
		return f, nil
	}
	_, f, _, isNumber := numberOf(args[0])
	if !isNumber {
		return nil, fmt.Errorf("want a number or a string, got %s", kindOf(args[0]))
	}
	return f, nil
}

// numbersOf lists the numbers among values and in lists of them. It skips nil.
func numbersOf(b *budget, values []any) (numbers []any, err error) {
	for _, v := range values {
		if list, ok := v.([]any); ok {
			inner, err := numbersOf(b, list)
			if err != nil {
				return nil, err
			}
			numbers = append(numbers, inner...)
			continue
		}
		if _, _, _, isNumber := numberOf(v); isNumber {
			numbers = append(numbers, v)
		} else if v != nil {
			return nil, fmt.Errorf("want numbers, got %s", kindOf(v))
		}
	}
	return numbers, nil
}

// extreme makes the function max for 1 and min for -1. It returns nil if there is not a number.
func extreme(sign int) function {
	return func(b *budget, args []any) (any, error) {
		numbers, err := numbersOf(b, args)
		if err != nil || len(numbers) == 0 {
			return nil, err
		}
		most := numbers[0]
		for _, v := range numbers[1:] {
			if c, _ := compare("<", v, most); c == sign {
				most = v
			}
		}
		return most, nil
	}
}

// ofNumbers makes a function of the numbers among values and in lists of them. It is 0 without a number.
func ofNumbers(f func(numbers []float64) float64) function {
	return func(b *budget, args []any) (any, error) {
		values, err := numbersOf(b, args)
		if err != nil || len(values) == 0 {
			return 0.0, err
		}
		numbers := make([]float64, len(values))
		for i, v := range values {
			numbers[i] = floatOf(v)
		}
		return finite(f(numbers))
	}
}

func mean(numbers []float64) float64 {
	total := 0.0
	for _, f := range numbers {
		total += f
	}
	return total / float64(len(numbers))
}

func median(numbers []float64) float64 {
	slices.Sort(numbers)
	middle := len(numbers) / 2
	if len(numbers)%2 == 1 {
		return numbers[middle]
	}
	return (numbers[middle-1] + numbers[middle]) / 2
}

func bit(f func(x, y int) int) function {
	return func(_ *budget, args []any) (any, error) { return f(args[0].(int), args[1].(int)), nil }
}

func shift(f func(x int, n uint) int) function {
	return func(_ *budget, args []any) (any, error) {
		n := args[1].(int)
		if n < 0 {
			return nil, fmt.Errorf("want a shift from 0, got %d", n)
		}
		return f(args[0].(int), uint(n)), nil
	}
}
