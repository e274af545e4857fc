package signature

import (
	"crypto/hmac"
	"errors"
	"hash"
	"net/http"
	"strconv"
	"sync"
)

// Signer signs many messages by one scheme under the same secrets. Each costs a fraction of a [Sign]. Several goroutines may use
// it at once.
type Signer struct {
	scheme
	lead    []part // of the header's value, before the first signature
	item    string // before each signature
	signed  []part
	bound   idBound
	keys    []*sync.Pool // of *signing, one for each secret
	lines   sync.Pool    // of *[]byte, in which the header's value is made
	headers [3]string    // of the signatures, the id and the timestamp, as a header's map has them; "" for none
}

// NewSigner returns a signer of a scheme with fixed headers.
func NewSigner(name Scheme, secrets ...string) (*Signer, error) {
	s, known := fixed[name]
	if !known {
		return nil, errUnknown(name)
	}
	return s.signer(secrets)
}

// Signer returns a signer of the scheme.
func (c Custom) Signer(secrets ...string) (*Signer, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	return scheme{c, literally}.signer(secrets)
}

func (s scheme) signer(secrets []string) (*Signer, error) {
	if len(secrets) == 0 {
		return nil, errors.New("no secret")
	}
	if s.Separator == "" {
		secrets = secrets[:1]
	}
	lead, item := s.split()
	signer := &Signer{scheme: s, lead: partsOf(lead), item: item, signed: partsOf(s.template()), bound: s.idBound(),
		lines: sync.Pool{New: func() any { return new([]byte) }}}
	for i, name := range []string{s.Header, s.IDHeader, s.TimestampHeader} {
		signer.headers[i] = http.CanonicalHeaderKey(name)
	}
	for _, secret := range secrets {
		key, err := s.key(secret)
		if err != nil {
			return nil, err
		}
		signer.keys = append(signer.keys, &sync.Pool{New: func() any { return s.signing(key) }})
	}
	return signer, nil
}

// Sign sets the scheme's headers for the message in h.
func (s *Signer) Sign(h http.Header, m Message) error {
	if err := s.bound.check(m.ID); err != nil {
		return err
	}
	v := values{m.ID, strconv.FormatInt(m.Time.Unix(), 10), m.Body}
	room := s.lines.Get().(*[]byte)
	line := (*room)[:0]
	for _, p := range s.lead {
		line = append(append(line, p.text...), v.text(p.place)...)
	}
	for i, key := range s.keys {
		if i > 0 {
			line = append(line, s.Separator...)
		}
		under := key.Get().(*signing)
		line = encodings[s.Encoding].append(append(line, s.item...), under.sum(s.signed, &v))
		key.Put(under)
	}
	set := [3]string{string(line), m.ID, v.stamp}
	*room = line
	s.lines.Put(room)
	for i, name := range s.headers {
		if name != "" {
			h[name] = set[i : i+1 : i+1]
		}
	}
	return nil
}

// part is a text of a template, and the placeholder behind it; "" for none.
type part struct{ text, place string }

func partsOf(template string) (parts []part) {
	end := 0
	for from, to := range placeholders(template) {
		parts = append(parts, part{template[end:from], template[from:to]})
		end = to
	}
	return append(parts, part{text: template[end:]})
}

// signing makes signatures under one key, one after the other.
type signing struct {
	mac  hash.Hash
	room []byte
}

func (s scheme) signing(key []byte) *signing { return &signing{mac: hmac.New(hashes[s.Hash], key)} }

// sum returns the HMAC of a template, which holds until the next one. It does not copy the body.
func (s *signing) sum(template []part, v *values) []byte {
	s.mac.Reset()
	s.room = s.room[:0]
	for _, p := range template {
		s.room = append(s.room, p.text...)
		if p.place == placeBody {
			s.mac.Write(s.room) // a hash does not fail
			s.mac.Write(v.body)
			s.room = s.room[:0]
			continue
		}
		s.room = append(s.room, v.text(p.place)...)
	}
	s.mac.Write(s.room)
	s.room = s.mac.Sum(s.room[:0])
	return s.room
}
