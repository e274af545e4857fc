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

	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/engine/signature"
)

// Access says who may do what.
type Access struct {
	Tokens  []Token
	Secrets []Secret // of requests that are signed by Standard Webhooks
	Hosts   []string // names by which the server is known, beside localhost and addresses
	Rate    float64  // events a second of requests without a token; 0 for no bound
}

// Secret lets in what is signed with it, in its time.
type Secret struct {
	secret.Secret
	NotBefore, NotAfter time.Time // zero for no bound
}

// Token lets its bearer in. Only its digest is kept.
type Token struct {
	Name   string // of the source: several tokens may have it while one takes the place of another
	SHA256 [sha256.Size]byte
	Rate   float64 // events a second; 0 for no bound
}

// Sources lists the names of those who may send events.
func (a Access) Sources() (names []string) {
	for _, t := range a.Tokens {
		names = append(names, t.Name)
	}
	if len(a.Secrets) > 0 {
		names = append(names, signedSource)
	}
	if len(names) == 0 {
		return []string{openSource}
	}
	return append(names, unknownSource)
}

// access is an Access with the state of its rates.
type access struct {
	Access
	rates map[string]*rate // by the source's name; read only
}

const (
	unknownSource = "unknown" // the source of requests that are refused for want of a token
	signedSource  = "signed"  // the source of requests that are signed
	openSource    = "http"    // and where nothing is asked for
)

// newAccess keeps the state of the rates that were before.
func newAccess(a Access, before *access) *access {
	made := &access{Access: a, rates: map[string]*rate{}}
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

// isOpen reports whether nobody has to say who they are.
func (a *access) isOpen() bool { return len(a.Tokens)+len(a.Secrets) == 0 }

var (
	errNoToken  = errors.New("a token or a signature is missing")
	errBadToken = errors.New("the token is not known")
)

// source names who sends a request, as far as its header tells. signed says that its signature must be verified.
func (a *access) source(r *http.Request) (name string, signed bool, err error) {
	if a.isOpen() {
		return openSource, false, nil
	}
	scheme, token, isGiven := strings.Cut(r.Header.Get("Authorization"), " ")
	if isGiven && strings.EqualFold(scheme, "Bearer") {
		sum, found := sha256.Sum256([]byte(strings.TrimSpace(token))), ""
		for i := range a.Tokens { // all of them, so that the time tells nothing
			if subtle.ConstantTimeCompare(sum[:], a.Tokens[i].SHA256[:]) == 1 {
				found = a.Tokens[i].Name
			}
		}
		if found == "" {
			return "", false, errBadToken
		}
		return found, false, nil
	}
	if len(a.Secrets) > 0 && r.Header.Get("Webhook-Signature") != "" {
		return signedSource, true, nil
	}
	return "", false, errNoToken
}

// verify checks the signature of a request's body.
func (a *access) verify(r *http.Request, body []byte) error {
	now := time.Now()
	var hold []string
	for _, s := range a.Secrets {
		if !now.Before(s.NotBefore) && (s.NotAfter.IsZero() || now.Before(s.NotAfter)) {
			hold = append(hold, s.Reveal())
		}
	}
	return signature.Verify(r.Header, body, signature.Standard, now, hold...)
}

// knowsHost reports whether a request is for this server: a page elsewhere may have its own name lead here. Whoever has a token is no such
// page.
func (a *access) knowsHost(r *http.Request) bool {
	if _, isUnix := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr); isUnix || !a.isOpen() {
		return true
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	return slices.ContainsFunc(a.Hosts, func(known string) bool { return strings.EqualFold(known, host) })
}
