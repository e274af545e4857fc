package sender

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/signature"
)

const (
	maxSuffix    = 2 << 10 // bytes of the URL suffix that a delivery may add
	maxEventText = 256     // bytes of an event's type in a header
)

// Request builds and signs the request of an attempt, as Send sends it. The request holds secrets. The error is a
// [Fault].
func (s *Sender) Request(ctx context.Context, d *delivery.Delivery, a delivery.Attempt) (*http.Request, error) {
	return s.fill(newRequest(ctx), d, a)
}

// request is a request with its memory. The webhook's next attempt can use it again.
type request struct {
	*http.Request
	own  [4]string // values of headers
	body []byte
	from bytes.Reader  // reads body
	read io.ReadCloser // reads from
	last *resent       // the body of the last repetition
}

func newRequest(ctx context.Context) *request {
	r := &request{}
	r.read = io.NopCloser(&r.from) // net/http knows that it does not block, and writes header and body at once
	first := http.Request{GetBody: r.again, Header: make(http.Header, 16), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	r.Request = first.WithContext(ctx)
	return r
}

// put sets a header to one value, in the request's own memory.
func (r *request) put(place int, name, value string) {
	r.own[place] = value
	r.Header[name] = r.own[place : place+1 : place+1]
}

// release lets go of what belongs to the attempt.
func (r *request) release() {
	clear(r.Header)
	r.from.Reset(nil)
	r.own, r.body, r.last = [4]string{}, nil, nil
}

// fill makes an unused request that of an attempt.
func (s *Sender) fill(r *request, d *delivery.Delivery, a delivery.Attempt) (*http.Request, error) {
	target, err := s.target(d.URLSuffix)
	if err != nil {
		return nil, &Fault{Reason: "URL suffix: " + err.Error(), Final: true}
	}
	if err := s.addHeaders(r, d); err != nil {
		return nil, &Fault{Reason: err.Error(), Final: true}
	}
	if !d.Trace.IsZero() && r.Header["Traceparent"] == nil { // the user's own header comes with its own tracestate
		r.Header["Traceparent"] = []string{d.Trace.Parent()}
		delete(r.Header, "Tracestate")
		if d.Trace.State != "" {
			r.Header["Tracestate"] = []string{d.Trace.State}
		}
	}
	r.put(1, "X-Awf-Event", headerText(d.Event))
	r.put(2, "X-Awf-Delivery", d.ID)
	r.put(3, "X-Awf-Attempt", strconv.Itoa(a.Number))
	if err := s.sign(r.Header, signature.Message{ID: d.ID, Time: a.At, Body: d.Body}); err != nil {
		return nil, &Fault{Reason: err.Error(), Ours: true} // the delivery can succeed once the configuration is mended
	}
	r.Method = cmp.Or(s.webhook.Method, http.MethodPost)
	r.URL, r.Host = target, target.Host
	r.from.Reset(d.Body)
	if r.body, r.Body, r.ContentLength = d.Body, r.read, int64(len(d.Body)); len(d.Body) == 0 {
		r.Body = http.NoBody // else net/http does not know the length
	}
	return r.Request, nil
}

// again is GetBody. The transport calls it if a kept connection was dead before anything was written, or if HTTP/2
// refused the stream unprocessed. Once the body was read, it refuses: some of the body may have arrived, and sending it
// again is a new attempt.
func (r *request) again() (io.ReadCloser, error) {
	if r.last != nil && r.last.read.Load() {
		return nil, &Fault{Reason: "the receiver refused the request twice without reading it"}
	}
	r.last = &resent{from: bytes.NewReader(r.body)}
	return r.last, nil
}

// resent is a body that knows whether it was read.
type resent struct {
	from *bytes.Reader
	read atomic.Bool
}

func (r *resent) Read(p []byte) (int, error) { r.read.Store(true); return r.from.Read(p) }
func (r *resent) Close() error               { return nil }

// target adds a delivery's suffix to the webhook's URL: its path to the path, its query to the query.
func (s *Sender) target(suffix string) (*url.URL, error) {
	path, query, _ := strings.Cut(suffix, "?")
	decoded, err := url.PathUnescape(path)
	switch {
	case suffix == "":
		return s.url, nil
	case suffix[0] != '/' && suffix[0] != '?':
		return nil, errors.New("want it to begin with / or ?")
	case len(suffix) > maxSuffix:
		return nil, fmt.Errorf("want at most %d bytes, got %d", maxSuffix, len(suffix))
	case err != nil || strings.ContainsFunc(suffix, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }):
		return nil, errors.New("not a path and a query of a URL")
	}
	for segment := range strings.SplitSeq(strings.ReplaceAll(decoded, `\`, "/"), "/") {
		if segment == "." || segment == ".." {
			return nil, errors.New("a path that leads upwards")
		}
	}
	u := *s.url
	if path != "" {
		u.RawPath = strings.TrimSuffix(u.EscapedPath(), "/") + path
		u.Path = strings.TrimSuffix(u.Path, "/") + decoded
	}
	if query != "" {
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+query, "&")
	}
	return &u, nil
}

// staticHeader returns the headers of all requests of the webhook.
func staticHeader(w *Webhook) http.Header {
	header := http.Header{"User-Agent": {w.UserAgent}}
	if user := w.URL.User; user != nil {
		password, _ := user.Password()
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	for _, h := range w.Headers {
		header.Set(h[0], h[1])
	}
	return header
}

// addHeaders adds the webhook's static headers and the delivery's own. The user's headers win over the event's.
func (s *Sender) addHeaders(r *request, d *delivery.Delivery) error {
	r.put(0, "Content-Type", cmp.Or(d.ContentType, "application/json"))
	maps.Copy(r.Header, s.header)
	if d.ContentType != "" {
		if err := delivery.CheckHeader("Content-Type", d.ContentType); err != nil {
			return fmt.Errorf("content type: %w", err)
		}
	}
	if len(d.Header) > delivery.MaxHeaders {
		return fmt.Errorf("want at most %d headers, got %d", delivery.MaxHeaders, len(d.Header))
	}
	for _, h := range d.Header {
		err := delivery.CheckHeader(h[0], h[1])
		if err == nil && isReserved(h[0]) {
			err = errors.New("an event cannot set it")
		}
		if err != nil {
			return fmt.Errorf("header %s: %w", headerText(h[0]), err)
		}
		if r.Header.Values(h[0]) == nil {
			r.Header.Set(h[0], h[1])
		}
	}
	return nil
}

// isReserved reports whether a header authenticates the sender or changes how the body is read. An event must not set it.
func isReserved(name string) bool {
	name = textproto.CanonicalMIMEHeaderKey(name)
	return slices.Contains([]string{"Authorization", "Cookie", "Content-Encoding", "Content-Type", "User-Agent"}, name) ||
		strings.HasPrefix(name, "X-Hub-Signature")
}

// sign sets the headers of all the webhook's schemes in h.
func (s *Sender) sign(h http.Header, m signature.Message) error {
	if !s.signs() {
		return nil
	}
	signers, err := s.signersAt(m.Time)
	if err != nil {
		return err
	}
	for _, signer := range signers {
		if err := signer.Sign(h, m); err != nil {
			return fmt.Errorf("sign: %w", err)
		}
	}
	return nil
}

// signers are those of the webhook's schemes, under the secrets that are valid at a time.
type signers struct {
	secrets []string
	list    []*signature.Signer
}

// signersAt returns the signers of a time. They are made anew when another secret is valid than before.
func (s *Sender) signersAt(now time.Time) ([]*signature.Signer, error) {
	var room [4]string
	secrets := s.webhook.secrets(room[:0], now)
	if kept := s.signers.Load(); kept != nil && slices.Equal(kept.secrets, secrets) {
		return kept.list, nil
	}
	if len(secrets) == 0 {
		return nil, errors.New("no secret is valid at this time")
	}
	made := &signers{secrets: slices.Clone(secrets)}
	add := func(signer *signature.Signer, err error) error {
		made.list = append(made.list, signer)
		return err
	}
	var err error
	for _, scheme := range s.webhook.Signing {
		err = cmp.Or(err, add(signature.NewSigner(scheme, secrets...)))
	}
	for _, scheme := range s.webhook.Custom {
		err = cmp.Or(err, add(scheme.Signer(secrets...)))
	}
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	s.signers.Store(made)
	return made.list, nil
}

func (s *Sender) signs() bool { return len(s.webhook.Signing)+len(s.webhook.Custom) > 0 }

// headerText makes an event's text fit for a header: it replaces characters that HTTP refuses with "?".
func headerText(s string) string {
	s = s[:min(len(s), maxEventText)]
	unfit := func(c byte) bool { return c < ' ' || c > '~' }
	if !slices.ContainsFunc([]byte(s), unfit) {
		return s
	}
	text := []byte(s)
	for i, c := range text {
		if unfit(c) {
			text[i] = '?'
		}
	}
	return string(text)
}

// Target returns the method of the requests, and the host and port that they go to.
func (s *Sender) Target() (method, host string, port int) {
	port, _ = strconv.Atoi(portOf(s.url))
	return cmp.Or(s.webhook.Method, http.MethodPost), s.url.Hostname(), port
}
