package server

import (
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	cookieName  = "awf_hook_session"
	sessionAge  = 12 * time.Hour // since the log-in
	maxSessions = 1000           // a new one replaces the oldest

	loginRate  = 10.0 / 60 // failed log-ins per second from one address
	loginBurst = 10
	maxLogins  = 1000 // addresses whose tries are counted
)

// A session represents a token that was entered once. It is valid as long as the token, and has the token's current role.
type session struct {
	token [sha256.Size]byte // the token's digest; zero without tokens
	began time.Time
}

// sessions holds all open sessions by the digest of their cookie. They end with the process.
type sessions struct {
	mu   sync.Mutex
	open map[[sha256.Size]byte]session
}

// begin opens a session and returns its cookie.
func (s *sessions) begin(token [sha256.Size]byte, now time.Time) string {
	cookie := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[[sha256.Size]byte]session{}
	}
	maps.DeleteFunc(s.open, func(_ [sha256.Size]byte, held session) bool { return now.Sub(held.began) >= sessionAge })
	if len(s.open) >= maxSessions {
		older := func(a, b [sha256.Size]byte) int { return s.open[a].began.Compare(s.open[b].began) }
		delete(s.open, slices.MinFunc(slices.Collect(maps.Keys(s.open)), older))
	}
	s.open[sha256.Sum256([]byte(cookie))] = session{token, now}
	return cookie
}

// find returns the session of a request's cookie.
func (s *sessions) find(r *http.Request, now time.Time) (session, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	held, ok := s.open[sha256.Sum256([]byte(cookie.Value))]
	return held, ok && now.Sub(held.began) < sessionAge
}

// end closes the session of a request's cookie.
func (s *sessions) end(r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, sha256.Sum256([]byte(cookie.Value)))
	}
}

// setCookie stores a session's cookie in the browser; "" deletes it. If the browser speaks TLS, perhaps to a proxy, it never
// sends the cookie in the clear.
func setCookie(w http.ResponseWriter, r *http.Request, value string) {
	cookie := &http.Cookie{Name: cookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode}
	cookie.Secure = r.TLS != nil || isForwardedTLS(r.Header.Get("X-Forwarded-Proto"))
	cookie.MaxAge = int(sessionAge.Seconds())
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

// isForwardedTLS reports whether a browser speaks TLS to the first proxy of those that an X-Forwarded-Proto lists.
func isForwardedTLS(protocols string) bool {
	first, _, _ := strings.Cut(protocols, ",")
	return strings.EqualFold(strings.TrimSpace(first), "https")
}

// logins limits how often somebody may try tokens that are wrong.
type logins struct {
	mu    sync.Mutex
	rates map[string]*rate // by address
}

// of returns the rate of a request's address.
func (l *logins) of(r *http.Request, now time.Time) *rate {
	from := clientHost(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rates == nil || len(l.rates) >= maxLogins && l.rates[from] == nil {
		l.rates = map[string]*rate{} // trying from that many addresses reveals nothing: a token has at least 128 bits
	}
	if l.rates[from] == nil {
		l.rates[from] = &rate{perSecond: loginRate, burst: loginBurst, left: loginBurst, at: now}
	}
	return l.rates[from]
}

// clientHost returns the address that a request comes from. What a proxy nearby says counts, since all clients share the proxy's own
// address. Of the addresses that it passes on, the client can have made up all but the last.
func clientHost(r *http.Request) string {
	host := remoteHost(r)
	addr, err := netip.ParseAddr(host)
	isNear := err != nil || addr.Unmap().IsLoopback() || addr.Unmap().IsPrivate() // or a socket, which has no address
	if said := strings.Join(r.Header.Values("X-Forwarded-For"), ","); isNear && said != "" {
		return strings.TrimSpace(said[strings.LastIndexByte(said, ',')+1:])
	}
	return host
}
