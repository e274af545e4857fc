package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/signature"
)

// Access says who may do what.
type Access struct {
	Tokens  []Token
	Secrets []config.SigningSecret // of requests signed with Standard Webhooks
	Hosts   []string               // names of the server, besides localhost and addresses
	Rate    float64                // events per second of requests without a token; 0 for no limit

	// Page is the most that anybody may do on the page. On a server without tokens, everybody who reaches it may do that.
	// None turns the page off.
	Page access.Role
}

// Token admits its bearer. Only its digest is kept.
type Token struct {
	Name   string // of the source; several tokens may share it while one replaces another
	SHA256 [sha256.Size]byte
	Role   access.Role
	Sends  bool    // it may send events
	Rate   float64 // events per second; 0 for no limit
}

// Sources lists the names of those who may send events.
func (a Access) Sources() (names []string) {
	for _, t := range a.Tokens {
		if t.Sends {
			names = append(names, t.Name)
		}
	}
	if len(a.Secrets) > 0 {
		names = append(names, signedSource)
	}
	if len(names) == 0 {
		return []string{openSource}
	}
	return append(names, unknownSource)
}

// gate is an Access with the state of its rates.
type gate struct {
	Access
	rates map[string]*rate // by the source's name; read only
}

const (
	unknownSource = "unknown" // the source of requests that lack a token
	signedSource  = "signed"  // the source of signed requests
	openSource    = "http"    // the source if no token is needed
)

// newGate makes a gate. It keeps the rates' state from the gate before.
func newGate(a Access, before *gate) *gate {
	made := &gate{Access: a, rates: map[string]*rate{}}
	perSecond := map[string]float64{signedSource: a.Rate, openSource: a.Rate}
	for _, t := range a.Tokens {
		perSecond[t.Name] = t.Rate
	}
	for name, n := range perSecond {
		if before != nil && before.rates[name] != nil && before.rates[name].perSecond == n {
			made.rates[name] = before.rates[name]
			continue
		}
		made.rates[name] = newRate(n, time.Now())
	}
	return made
}

// isOpen reports whether clients need neither token nor signature.
func (g *gate) isOpen() bool { return len(g.Tokens)+len(g.Secrets) == 0 }

var (
	errNoToken   = errors.New("a token or a signature is missing: send Authorization: Bearer TOKEN")
	errTwoTokens = errors.New("the Authorization header is given twice")
	errBadToken  = errors.New("unknown token")
	errNoSender  = errors.New("this token may not send events: its role is not send or admin")
)

// token returns the token with a digest, or nil. It compares all of them, so that the time reveals nothing.
func (g *gate) token(sum [sha256.Size]byte) (found *Token) {
	for i := range g.Tokens {
		if subtle.ConstantTimeCompare(sum[:], g.Tokens[i].SHA256[:]) == 1 {
			found = &g.Tokens[i]
		}
	}
	return found
}

// bearer returns the token in a request's header.
func (g *gate) bearer(r *http.Request) (*Token, error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return nil, errTwoTokens
	}
	scheme, text, isGiven := strings.Cut(r.Header.Get("Authorization"), " ")
	if !isGiven || !strings.EqualFold(scheme, "Bearer") {
		return nil, errNoToken
	}
	if found := g.token(sha256.Sum256([]byte(strings.TrimSpace(text)))); found != nil {
		return found, nil
	}
	return nil, errBadToken
}

// sender is who sends events, according to a request's header.
type sender struct {
	source  string
	signed  bool // the request's signature must be verified
	reports bool // it may send operator events: it is an awf-hook or an admin, or no token is needed
}

// sender returns the sender of events. With an error, its source may be known.
func (g *gate) sender(r *http.Request) (sender, error) {
	if g.isOpen() {
		return sender{source: openSource, reports: true}, nil
	}
	token, err := g.bearer(r)
	switch {
	case err == nil && !token.Sends:
		return sender{source: token.Name}, errNoSender
	case err == nil:
		return sender{source: token.Name, reports: token.Role == access.Admin}, nil
	case errors.Is(err, errNoToken) && len(g.Secrets) > 0 && r.Header.Get("Webhook-Signature") != "":
		return sender{source: signedSource, signed: true, reports: true}, nil
	}
	return sender{}, err
}

// verify checks the signature of a request's body.
func (g *gate) verify(r *http.Request, body []byte) error {
	now := time.Now()
	var hold []string
	for _, s := range g.Secrets {
		if !now.Before(s.NotBefore) && (s.NotAfter.IsZero() || now.Before(s.NotAfter)) {
			hold = append(hold, s.Reveal())
		}
	}
	return signature.Verify(r.Header, body, signature.Standard, now, hold...)
}

// socket returns the socket through which a request came; nil for a request over TCP, as a browser's are.
func socket(r *http.Request) *net.UnixAddr {
	addr, _ := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr)
	return addr
}

// knowsHost reports whether a request names this server. Otherwise a foreign page may have resolved its own name to us
// (DNS rebinding). Such a page has no token and no signature. Browsers always name a host; health checks by HTTP/1.0 may not.
func (g *gate) knowsHost(r *http.Request) bool {
	if socket(r) != nil || !g.isOpen() && (r.Header.Get("Authorization") != "" || r.Header.Get("Webhook-Signature") != "") {
		return true
	}
	host := r.Host
	if host == "" && !r.ProtoAtLeast(1, 1) {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	return slices.ContainsFunc(g.Hosts, func(known string) bool { return strings.EqualFold(known, host) })
}
