package signature

import (
	"cmp"
	"crypto/hmac"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scheme signs and verifies by the parts of a valid custom scheme.
type scheme struct {
	Custom
	key func(secret string) ([]byte, error)
}

// values are the values of the placeholders.
type values struct{ id, stamp, body []byte }

// of returns the value of a placeholder.
func (v *values) of(place string) *[]byte {
	switch place {
	case placeID:
		return &v.id
	case placeStamp:
		return &v.stamp
	}
	return &v.body
}

func (s scheme) sign(h http.Header, m Message, secrets []string) error {
	if len(secrets) == 0 {
		return errNoSecret
	}
	if s.Separator == "" {
		secrets = secrets[:1]
	}
	stamp := strconv.FormatInt(m.Time.Unix(), 10)
	v := values{[]byte(m.ID), []byte(stamp), m.Body}
	if err := s.checkID(m.ID); err != nil {
		return err
	}
	lead, item := s.split()
	var line strings.Builder
	v.fill(&line, lead)
	for i, secret := range secrets {
		key, err := s.key(secret)
		if err != nil {
			return err
		}
		if i > 0 {
			line.WriteString(s.Separator)
		}
		line.WriteString(item + encodings[s.Encoding].encode(s.mac(key, &v)))
	}
	for _, field := range [][2]string{{s.Header, line.String()}, {s.IDHeader, m.ID}, {s.TimestampHeader, stamp}} {
		if field[0] != "" {
			h.Set(field[0], field[1])
		}
	}
	return nil
}

func (s scheme) verify(h http.Header, body []byte, now time.Time, secrets []string) error {
	v := values{id: []byte(h.Get(cmp.Or(s.IDHeader, "X-AWF-Delivery"))), body: body}
	signatures, err := s.parse(h, &v)
	if err != nil {
		return err
	}
	if s.signs(placeStamp) {
		if err := checkStamp(string(v.stamp), cmp.Or(s.TimestampHeader, s.Header), now); err != nil {
			return err
		}
	}
	if err := s.checkID(string(v.id)); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	result := error(ErrNoMatch)
	for i, secret := range secrets {
		key, err := s.key(secret)
		if err != nil {
			if i == 0 {
				result = err
			}
			continue
		}
		want := s.mac(key, &v)
		if slices.ContainsFunc(signatures, func(got []byte) bool { return hmac.Equal(got, want) }) {
			return nil
		}
		result = ErrNoMatch
	}
	return result
}

// parse finds the id, the timestamp and the signatures in the headers. If a header holds several signatures, parse skips
// those of other kinds.
func (s scheme) parse(h http.Header, v *values) ([][]byte, error) {
	required := []string{s.Header}
	if s.IDHeader != "" && s.signs(placeID) {
		required = append(required, s.IDHeader)
	}
	if s.TimestampHeader != "" && s.signs(placeStamp) && !strings.Contains(s.Prefix, placeStamp) {
		required = append(required, s.TimestampHeader)
		v.stamp = []byte(h.Get(s.TimestampHeader))
	}
	isThere := func(name string) bool { return h.Values(name) != nil }
	for _, name := range required {
		switch {
		case !slices.ContainsFunc(required, isThere):
			return nil, fmt.Errorf("%w: %s", ErrUnsigned, name)
		case !isThere(name):
			return nil, fmt.Errorf("%w: %s", ErrMissing, name)
		case h.Get(name) == "":
			return nil, fmt.Errorf("%w: %s is empty", ErrInvalid, name)
		}
	}
	lead, item := s.split()
	line, err := v.read(h.Get(s.Header), lead)
	if err != nil {
		return nil, fmt.Errorf("%w: %s does not begin with its prefix", ErrInvalid, s.Header)
	}
	list := []string{line}
	if s.Separator != "" {
		list = strings.Split(line, s.Separator)
	}
	var signatures [][]byte
	for _, text := range list {
		text, begins := strings.CutPrefix(text, item)
		signature, err := encodings[s.Encoding].decode(text)
		switch {
		case begins && err == nil:
			signatures = append(signatures, signature)
		case s.Separator != "":
		case !begins:
			return nil, fmt.Errorf("%w: %s does not begin with %s", ErrInvalid, s.Header, item)
		default:
			return nil, fmt.Errorf("%w: %s is not %s", ErrInvalid, s.Header, cmp.Or(s.Encoding, "hex"))
		}
	}
	return signatures, nil
}

// read cuts the lead off a text and takes the values of the lead's placeholders from it.
func (v *values) read(text, lead string) (string, error) {
	pattern := regexp.QuoteMeta(lead)
	pattern = strings.Replace(pattern, regexp.QuoteMeta(placeStamp), `(?<timestamp>-?[0-9]+)`, 1)
	pattern = strings.Replace(pattern, regexp.QuoteMeta(placeID), `(?<id>[A-Za-z0-9_-]+)`, 1)
	form, err := regexp.Compile("^" + pattern)
	if err != nil {
		return "", err
	}
	found := form.FindStringSubmatch(text)
	if found == nil {
		return "", ErrInvalid
	}
	for i, name := range form.SubexpNames() {
		if name != "" {
			*v.of("{" + name + "}") = []byte(found[i])
		}
	}
	return text[len(found[0]):], nil
}

// checkID returns an error for an id that must not be signed or sent. An id must not contain the text that separates it
// from what follows, or one signature would fit another id and another rest.
func (s scheme) checkID(id string) error {
	if !strings.Contains(s.template()+s.Prefix, placeID) {
		return nil
	}
	_, behind, _ := strings.Cut(s.template(), placeID)
	separator := behind
	for from := range placeholders(behind) {
		separator = behind[:from]
		break
	}
	if id == "" || separator != "" && strings.Contains(id, separator) {
		return fmt.Errorf("id %q: want one that is not empty and does not hold %q", id, separator)
	}
	return nil
}

// checkStamp returns an error unless a timestamp of Unix seconds is near now.
func checkStamp(stamp, header string, now time.Time) error {
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: %s is not a number of seconds", ErrInvalid, header)
	}
	const limit = 1 << 40 // beyond it the arithmetic of package time would wrap
	switch at := time.Unix(max(min(seconds, limit), -limit), 0); {
	case now.Sub(at) > Tolerance:
		return fmt.Errorf("%w: %d", ErrTooOld, seconds)
	case at.Sub(now) > Tolerance:
		return fmt.Errorf("%w: %d", ErrTooNew, seconds)
	}
	return nil
}

// mac returns the HMAC of the filled template. It does not copy the body.
func (s scheme) mac(key []byte, v *values) []byte {
	mac := hmac.New(hashes[s.Hash], key)
	v.fill(mac, s.template())
	return mac.Sum(nil)
}

// fill writes a text with the values of its placeholders.
func (v *values) fill(w io.Writer, text string) {
	end := 0
	for from, to := range placeholders(text) {
		_, _ = io.WriteString(w, text[end:from]) // neither a hash nor a builder fails
		_, _ = w.Write(*v.of(text[from:to]))
		end = to
	}
	_, _ = io.WriteString(w, text[end:])
}
