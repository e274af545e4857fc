package sender

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Probe connects to the receiver, or to its proxy, and does the TLS handshake. It sends no request.
func (s *Sender) Probe(parent context.Context) (p delivery.Probe) {
	ctx, cancel := context.WithTimeout(parent, s.webhook.Timeout)
	defer cancel()
	began := time.Now()
	var progress progress
	err := cmp.Or(s.broken, s.outdated(began))
	if err == nil {
		err = s.connect(progress.trace(ctx), &progress, &p)
	}
	if p.Took = time.Since(began); err != nil {
		p.Failure = s.masker.Text(s.diagnose(context.WithoutCancel(parent), ctx, err, progress.at()).Reason)
	}
	return p
}

func (s *Sender) connect(ctx context.Context, progress *progress, p *delivery.Probe) error {
	if s.network == nil {
		return &Fault{Reason: "it is reached by a transport of the program's own", Ours: true}
	}
	target := s.url
	if s.proxied {
		target, _ = s.network.Proxy(nil) // always the same
		p.Proxied = true
	}
	conn, err := s.network.DialContext(ctx, "tcp", net.JoinHostPort(target.Hostname(), portOf(target)))
	if err != nil {
		return err
	}
	defer conn.Close()
	p.Address = conn.RemoteAddr().String()
	if s.proxied || target.Scheme != "https" {
		return nil
	}
	progress.reach(phaseTLS)
	config := s.network.TLSClientConfig.Clone()
	config.ServerName = cmp.Or(config.ServerName, target.Hostname())
	client := tls.Client(conn, config)
	if err := client.HandshakeContext(ctx); err != nil {
		return err
	}
	state := client.ConnectionState()
	p.TLS, p.Expires = tls.VersionName(state.Version), state.PeerCertificates[0].NotAfter
	return nil
}
