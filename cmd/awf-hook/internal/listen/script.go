package listen

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Reply is the answer to a request.
type Reply struct {
	Status     int           // of the response
	RetryAfter string        // header, in seconds; "" for none
	Delay      time.Duration // before the response
	Reset      bool          // no response: the connection is reset
}

// MarshalText is String, for JSON.
func (r Reply) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (r Reply) String() string {
	switch {
	case r.Reset:
		return "connection reset"
	case r.RetryAfter != "":
		return fmt.Sprintf("%d, retry after %ss", r.Status, r.RetryAfter)
	case r.Delay > 0:
		return fmt.Sprintf("%d after %v", r.Status, r.Delay)
	}
	return strconv.Itoa(r.Status)
}

// Script lists the replies to requests, one after the other.
type Script struct {
	replies []Reply
	last    Reply // answers all further requests
}

// reply returns the answer to request number n, counted from 0.
func (s Script) reply(n int) Reply {
	if n < len(s.replies) {
		return s.replies[n]
	}
	return s.last
}

// ParseScript parses a list such as "503x2,429:5,reset,slow:3s,200". An entry is a status, "STATUS:SECONDS" for a status
// with a Retry-After header, "reset", or "slow:DURATION" for a delayed 200. "xTIMES" repeats an entry. A last entry
// without "xTIMES" answers all further requests. Otherwise they get 200, as with an empty list.
func ParseScript(list string) (Script, error) {
	s := Script{last: Reply{Status: 200}}
	if list == "" {
		return s, nil
	}
	const limit = 100_000 // times
	entries := strings.Split(list, ",")
	for i, entry := range entries {
		entry = strings.TrimSpace(entry)
		text, number, counted := strings.Cut(entry, "x")
		times, err := strconv.Atoi(number)
		if counted && (err != nil || times < 1 || times > limit) {
			return s, fmt.Errorf("%q: want 1 to %d times after the x", entry, limit)
		}
		reply, err := parseReply(text)
		switch {
		case err != nil:
			return s, err
		case !counted && i == len(entries)-1:
			s.last = reply
		default:
			for range max(1, times) {
				s.replies = append(s.replies, reply)
			}
		}
	}
	return s, nil
}

func parseReply(text string) (Reply, error) {
	word, argument, hasArgument := strings.Cut(text, ":")
	switch {
	case text == "reset":
		return Reply{Reset: true}, nil
	case word == "slow" && hasArgument:
		delay, err := time.ParseDuration(argument)
		if err != nil || delay < 0 {
			return Reply{}, fmt.Errorf("%q: want a duration like slow:3s", text)
		}
		return Reply{Status: 200, Delay: delay}, nil
	}
	status, err := strconv.Atoi(word)
	if err != nil || status < 200 || status > 599 {
		return Reply{}, fmt.Errorf("%q: want a status from 200 to 599, reset, or slow:DURATION", text)
	}
	if seconds, err := strconv.Atoi(argument); hasArgument && (err != nil || seconds < 0) {
		return Reply{}, fmt.Errorf("%q: want seconds after the colon", text)
	}
	return Reply{Status: status, RetryAfter: argument}, nil
}
