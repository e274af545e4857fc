package signature

import (
	"cmp"
	"crypto/hmac"
	"errors"
	"fmt"
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
type values struct {
	id, stamp string
	body      []byte
}

// text returns the value of a placeholder, except that of {body}; "" for none.
func (v *values) text(place string) string {
	switch place {
	case placeID:
		return v.id
	case placeStamp:
		return v.stamp
	}
	return ""
}

func (s scheme) verify(h http.Header, body []byte, now time.Time, secrets []string) error {
	v := values{id: h.Get(cmp.Or(s.IDHeader, "X-AWF-Delivery")), body: body}
	signatures, err := s.parse(h, &v)
	if err != nil {
		return err
	}
	if s.signs(placeStamp) {
		if err := checkStamp(v.stamp, cmp.Or(s.TimestampHeader, s.Header), now); err != nil {
			return err
		}
	}
	if err := s.idBound().check(v.id); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	result, signed := error(ErrNoMatch), partsOf(s.template())
	for i, secret := range secrets {
		key, err := s.key(secret)
		if err != nil {
			if i == 0 {
				result = err
			}
			continue
		}
		want := s.signing(key).sum(signed, &v)
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
		v.stamp = h.Get(s.TimestampHeader)
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
		switch name {
		case "id":
			v.id = found[i]
		case "timestamp":
			v.stamp = found[i]
		}
	}
	return text[len(found[0]):], nil
}

// idBound is the text that an id must not contain, since it separates the id from what follows: otherwise one signature would
// fit another id and another rest.
type idBound struct {
	text string // "" for none
	used bool   // the scheme has the id
}

func (s scheme) idBound() idBound {
	if !strings.Contains(s.template()+s.Prefix, placeID) {
		return idBound{}
	}
	_, behind, _ := strings.Cut(s.template(), placeID)
	return idBound{partsOf(behind)[0].text, true}
}

// check returns an error for an id that must not be signed or sent.
func (b idBound) check(id string) error {
	switch {
	case !b.used:
	case id == "":
		return errors.New("the scheme signs or sends the id, which is empty")
	case hasControl(id):
		return fmt.Errorf("id %q: want one without control characters", id)
	case b.text != "" && strings.Contains(id, b.text):
		return fmt.Errorf("id %q: want one without %q, which separates it from what follows", id, b.text)
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
