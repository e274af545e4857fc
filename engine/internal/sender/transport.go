package sender

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	connectTimeout = 10 * time.Second // for the lookup of the name and the connection
	tlsTimeout     = 10 * time.Second // for the handshake
	idleTimeout    = 90 * time.Second // how long a connection is kept for the next attempt
	maxHeader      = 64 << 10         // bytes of an answer's header, including those of the 1xx answers before it
)

// Deadlines limit the parts of an attempt before its request; zero is the default. The webhook's timeout limits the whole.
type Deadlines struct {
	Connect time.Duration // name and connection: 10 s
	TLS     time.Duration // 10 s
}

// within fills in the defaults. No part may last longer than the whole.
func (d Deadlines) within(whole time.Duration) Deadlines {
	return Deadlines{
		Connect: min(cmp.Or(d.Connect, connectTimeout), whole),
		TLS:     min(cmp.Or(d.TLS, tlsTimeout), whole),
	}
}

// newTransport makes one webhook's connections: at most one for each attempt in flight, kept for reuse.
func newTransport(w *Webhook, proxy *url.URL, limits Deadlines) *http.Transport {
	guard := Guard{w.Trusted, w.Allow}.control
	if proxy != nil { // only the proxy is dialled, and the user chose its address
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
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
	}
}

// resolver returns a resolver whose queries end with the dial. Go's own waits on for a silent name server, 5 s per query.
// Each dial needs a new one, since a resolver that shares an answer among dials cannot be cancelled.
func resolver(r *net.Resolver) *net.Resolver {
	if r == nil {
		r = net.DefaultResolver
	}
	dial := r.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	until := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}
	return &net.Resolver{PreferGo: r.PreferGo, StrictErrors: r.StrictErrors, Dial: until}
}
