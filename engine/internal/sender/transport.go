package sender

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// connectTimeout is for the lookup of the name and the connection, tlsTimeout for the handshake.
	connectTimeout = 10 * time.Second
	tlsTimeout     = 10 * time.Second
	// maxHeader is the longest header of an answer, that of its 1xx forerunners included, in bytes.
	maxHeader = 64 << 10
	// idleTimeout is how long a connection is kept for the next attempt.
	idleTimeout = 90 * time.Second
)

// Deadlines are those of an attempt's parts; zero is the default. The whole is bounded by the webhook's timeout.
type Deadlines struct {
	Connect   time.Duration // name and connection: 10 s
	TLS       time.Duration // 10 s
	FirstByte time.Duration // from the request's last byte to the end of the answer's header: the webhook's timeout
}

// within fills in the defaults. No part lasts longer than the whole.
func (d Deadlines) within(whole time.Duration) Deadlines {
	for _, part := range []struct {
		to  *time.Duration
		def time.Duration
	}{{&d.Connect, connectTimeout}, {&d.TLS, tlsTimeout}, {&d.FirstByte, whole}} {
		if *part.to == 0 {
			*part.to = part.def
		}
		*part.to = min(*part.to, whole)
	}
	return d
}

// proxyOf is the proxy to the webhook's receiver, nil for none.
func proxyOf(w *Webhook) (*url.URL, error) {
	if w.Proxy != nil {
		return w.Proxy, nil
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: w.URL})
	if err != nil { // it quotes the proxy's URL, in which there may be a password
		return nil, &Fault{Reason: "the environment's proxy is not a URL", Ours: true}
	}
	return proxy, nil
}

// newTransport makes one webhook's connections: as many as attempts may be in flight, kept and used again.
func newTransport(w *Webhook, proxy *url.URL, limits Deadlines) *http.Transport {
	guard := Guard{w.Trusted, w.Allow}.control
	if proxy != nil { // all that is dialled is the proxy, whose address is the user's own choice
		guard = nil
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: limits.Connect, Resolver: resolver(w.Resolver), ControlContext: guard}
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil && proxy != nil {
			err = proxyFault(proxy, err)
		}
		return conn, err
	}
	config := &tls.Config{}
	if w.TLS != nil {
		config = w.TLS.Clone()
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	return &http.Transport{
		Proxy:                  http.ProxyURL(proxy),
		OnProxyConnectResponse: onProxyConnect,
		DialContext:            dial,
		TLSClientConfig:        config,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        w.MaxInFlight,
		MaxIdleConns:           w.MaxInFlight,
		MaxIdleConnsPerHost:    w.MaxInFlight,
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    limits.TLS,
		ResponseHeaderTimeout:  limits.FirstByte,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
	}
}

// resolver is one whose questions end with the dial: by itself Go's waits on for a silent name server, 5 s a question.
// It is made for each dial, since a resolver that shares an answer among several does not break off.
func resolver(r *net.Resolver) *net.Resolver {
	if r == nil {
		r = net.DefaultResolver
	}
	dial := r.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &net.Resolver{PreferGo: r.PreferGo, StrictErrors: r.StrictErrors, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}}
}

func proxyFault(proxy *url.URL, err error) *Fault {
	reason := "no connection"
	for _, known := range []func(error) *Fault{ofName, ofSystem} {
		if fault := known(err); fault != nil {
			reason = fault.Reason
			break
		}
	}
	return &Fault{Reason: "the proxy " + proxy.Host + ": " + reason, Ours: true}
}

// onProxyConnect judges a proxy's answer to CONNECT: that it cannot reach the receiver is the receiver's fault, all else is ours.
func onProxyConnect(_ context.Context, proxy *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	ours := res.StatusCode < 500
	return &Fault{Reason: fmt.Sprintf("the proxy %s answered %s", proxy.Host, statusText(res.StatusCode)), Ours: ours}
}
