// Package sender makes one attempt of a delivery: it builds the request, signs it, sends it and judges the answer.
package sender

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/signature"
)

// maxResponse is how much of a response's body is read, in bytes.
const maxResponse = 16 << 10

// Webhook is what an attempt needs to know of its webhook.
type Webhook struct {
	URL         *url.URL
	Headers     [][2]string
	Secrets     []Secret // newest first
	Signing     []signature.Scheme
	Timeout     time.Duration // of an attempt, the response's body included
	MaxInFlight int           // connections never exceed it
	UserAgent   string
}

// Secret signs within its time.
type Secret struct {
	Value               string
	NotBefore, NotAfter time.Time // zero for no bound
}

// secrets are those that sign at a time.
func (w *Webhook) secrets(now time.Time) []string {
	var valid []string
	for _, s := range w.Secrets {
		if !now.Before(s.NotBefore) && (s.NotAfter.IsZero() || now.Before(s.NotAfter)) {
			valid = append(valid, s.Value)
		}
	}
	return valid
}

// Sender makes the attempts of one webhook. It may be used by several goroutines at once.
type Sender struct {
	webhook   Webhook
	url       *url.URL
	header    http.Header // of every request
	transport http.RoundTripper
}

// New makes a sender. A nil transport is HTTP over the network; another one is for those who want their own.
func New(w Webhook, transport http.RoundTripper) *Sender {
	if transport == nil {
		transport = newTransport(w)
	}
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", w.UserAgent)
	target := *w.URL
	if user := target.User; user != nil {
		password, _ := user.Password()
		basic := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		header.Set("Authorization", "Basic "+basic)
		target.User = nil
	}
	for _, h := range w.Headers {
		header.Set(h[0], h[1])
	}
	return &Sender{w, &target, header, transport}
}

// newTransport makes one webhook's connections: as many as attempts may be in flight, kept and used again.
func newTransport(w Webhook) *http.Transport {
	const connectTimeout = 10 * time.Second
	dialer := &net.Dialer{Timeout: connectTimeout}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		ForceAttemptHTTP2:   true,
		MaxConnsPerHost:     w.MaxInFlight,
		MaxIdleConns:        w.MaxInFlight,
		MaxIdleConnsPerHost: w.MaxInFlight,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: connectTimeout,
		DisableCompression:  true,
	}
}

// Close closes the connections that are idle.
func (s *Sender) Close() {
	if t, ok := s.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Send makes an attempt of the delivery. The attempt's Reason holds no secret and nothing of the URL but its host.
func (s *Sender) Send(ctx context.Context, d *delivery.Delivery) delivery.Attempt {
	now := time.Now()
	a := delivery.Attempt{Number: d.Attempts + 1, At: now}
	ctx, cancel := context.WithTimeout(ctx, s.webhook.Timeout)
	defer cancel()
	req, err := s.request(ctx, d, a)
	if err != nil {
		a.Outcome, a.Reason = delivery.Retry, err.Error() // a mended configuration can still deliver it
		return a
	}
	// Not by an http.Client: that would follow redirects, and put the URL into its errors.
	res, err := s.transport.RoundTrip(req)
	a.Took = time.Since(now)
	if err != nil {
		a.Outcome, a.Reason = delivery.Retry, s.reason(err)
		return a
	}
	defer res.Body.Close()
	a.Status = res.StatusCode
	a.Outcome, a.Reason = judge(res)
	// A body that is read to its end leaves the connection for the next attempt.
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxResponse))
	a.Took = time.Since(now)
	return a
}

func (s *Sender) request(ctx context.Context, d *delivery.Delivery, a delivery.Attempt) (*http.Request, error) {
	header := make(http.Header, len(s.header)+8)
	for name, values := range s.header {
		header[name] = values
	}
	header["X-Awf-Event"] = []string{headerText(d.Event)}
	header["X-Awf-Delivery"] = []string{d.ID}
	header["X-Awf-Attempt"] = []string{strconv.Itoa(a.Number)}
	message := signature.Message{ID: d.ID, Time: a.At, Body: d.Body}
	secrets := s.webhook.secrets(a.At)
	if len(s.webhook.Signing) > 0 && len(secrets) == 0 {
		return nil, errors.New("no secret is valid at this time")
	}
	for _, scheme := range s.webhook.Signing {
		if err := signature.Sign(header, scheme, message, secrets...); err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
	}
	req := &http.Request{
		Method:        http.MethodPost,
		URL:           s.url,
		Host:          s.url.Host,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(d.Body)),
		ContentLength: int64(len(d.Body)),
		GetBody:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(d.Body)), nil },
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
	}
	return req.WithContext(ctx), nil
}

// headerText makes an event's type fit for a header: what HTTP refuses becomes "?".
func headerText(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			b := []byte(s)
			for j, c := range b {
				if c < ' ' || c > '~' {
					b[j] = '?'
				}
			}
			return string(b)
		}
	}
	return s
}

// reason says in words why there was no answer.
func (s *Sender) reason(err error) string {
	var netErr net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout() {
		return fmt.Sprintf("no answer within %v", s.webhook.Timeout)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the receiver closed the connection without an answer"
	}
	// What the receiver wrote stands quoted, and it may echo the request.
	text, _, _ := strings.Cut(err.Error(), `"`)
	return strings.TrimRight(text, " :;[(")
}

// judge says what an answer means for its delivery.
func judge(res *http.Response) (delivery.Outcome, string) {
	code := res.StatusCode
	reason := strconv.Itoa(code)
	if text := http.StatusText(code); text != "" {
		reason += " " + text
	}
	switch {
	case code >= 200 && code < 300:
		return delivery.Delivered, reason
	case code >= 300 && code < 400:
		if to, err := res.Location(); err == nil {
			reason += ", to " + to.Host
		}
		return delivery.Dead, reason + " (redirects are not followed)"
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return delivery.Retry, reason
	}
	return delivery.Dead, reason
}
