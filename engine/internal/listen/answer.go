package listen

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Answer is what a request gets.
type Answer struct {
	Status     int           // of the response
	RetryAfter string        // header, in seconds; "" for none
	Delay      time.Duration // before the response
	Reset      bool          // no response: the connection is reset
}

func (a Answer) String() string {
	switch {
	case a.Reset:
		return "connection reset"
	case a.RetryAfter != "":
		return fmt.Sprintf("%d, retry after %ss", a.Status, a.RetryAfter)
	case a.Delay > 0:
		return fmt.Sprintf("%d after %v", a.Status, a.Delay)
	}
	return strconv.Itoa(a.Status)
}

// Script is the answers to requests, one after the other.
type Script struct {
	answers []Answer
	last    Answer // to all further requests
}

// ParseScript reads a list like "503x2,429:5,reset,slow:3s,200":
// a status, "STATUS:SECONDS" with a Retry-After header, "reset", or "slow:DURATION" and then 200, each perhaps "xTIMES".
// A last entry without a number of times answers all further requests; else these get 200, as with an empty list.
func ParseScript(list string) (Script, error) {
	s := Script{last: Answer{Status: 200}}
	if list == "" {
		return s, nil
	}
	entries := strings.Split(list, ",")
	for i, entry := range entries {
		text, times, counted, err := cutTimes(strings.TrimSpace(entry))
		if err != nil {
			return s, err
		}
		answer, err := parseAnswer(text)
		if err != nil {
			return s, err
		}
		if i == len(entries)-1 && !counted {
			s.last = answer
			break
		}
		for range times {
			s.answers = append(s.answers, answer)
		}
	}
	return s, nil
}

func cutTimes(entry string) (text string, times int, counted bool, err error) {
	const limit = 100_000
	text, number, counted := strings.Cut(entry, "x")
	if !counted {
		return entry, 1, false, nil
	}
	if times, err = strconv.Atoi(number); err != nil || times < 1 || times > limit {
		return "", 0, false, fmt.Errorf("%q: want 1 to %d times behind the x", entry, limit)
	}
	return text, times, true, nil
}

func parseAnswer(text string) (Answer, error) {
	word, argument, hasArgument := strings.Cut(text, ":")
	switch {
	case text == "reset":
		return Answer{Reset: true}, nil
	case word == "slow" && hasArgument:
		delay, err := time.ParseDuration(argument)
		if err != nil || delay < 0 {
			return Answer{}, fmt.Errorf("%q: want a duration like slow:3s", text)
		}
		return Answer{Status: 200, Delay: delay}, nil
	}
	status, err := strconv.Atoi(word)
	if err != nil || status < 200 || status > 599 {
		return Answer{}, fmt.Errorf("%q: want a status from 200 to 599, reset, or slow:DURATION", text)
	}
	if !hasArgument {
		return Answer{Status: status}, nil
	}
	if seconds, err := strconv.Atoi(argument); err != nil || seconds < 0 {
		return Answer{}, errors.New(strconv.Quote(text) + ": want seconds behind the colon")
	}
	return Answer{Status: status, RetryAfter: argument}, nil
}

// answer is what request number n gets, from 0.
func (s Script) answer(n int) Answer {
	if n < len(s.answers) {
		return s.answers[n]
	}
	return s.last
}
