package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
)

// caller is the client of the page or the API.
type caller struct {
	access.Who
	proven bool // by a token, a session, or a socket file that only its user can open: the caller may change things
}

// caller authenticates a request. Without tokens, everybody who reaches the server may do what serve.page allows.
func (s *Server) caller(r *http.Request) (caller, error) {
	g := s.gate.Load()
	held, hasSession := s.sessions.find(r, time.Now())
	switch {
	case g.isOpen() && socket(r) != nil && isOwnSocket(socket(r)):
		return caller{access.Who{Name: "socket", Role: access.Admin, Sends: true}, true}, nil
	case g.isOpen():
		return caller{access.Who{Name: remoteHost(r), Role: g.Page, Sends: true}, hasSession}, nil
	}
	token, err := g.bearer(r)
	bySession := errors.Is(err, errNoToken) && hasSession
	if bySession {
		token = g.token(held.token)
	}
	if token == nil {
		return caller{}, err
	}
	return caller{access.Who{Name: token.Name, Role: token.Role, Sends: token.Sends, Session: bySession}, true}, nil
}

// remoteHost returns the host that a request comes from.
func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "socket"
	}
	return host
}

// isChange reports whether a request may change something.
func isChange(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// admit passes a request of the page or the API on to next, with the caller in its context.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, who caller, next http.Handler) {
	refused := ""
	switch {
	case who.Role < access.Read:
		refused = "this needs a token whose role is read, operate or admin"
	case isChange(r) && who.Role < access.Operate:
		refused = "this needs a token whose role is operate or admin"
	case isChange(r) && !who.proven:
		refused = "a change needs a token, or a session of the page"
	}
	if refused != "" {
		problem{status: http.StatusForbidden, text: refused}.write(w)
		return
	}
	ctx, cancel := context.WithCancel(access.With(r.Context(), who.Who))
	defer cancel()
	if ending, ok := ctx.Value(endingKey{}).(context.Context); ok {
		defer context.AfterFunc(ending, cancel)() // a stream ends with the server
	}
	next.ServeHTTP(w, r.WithContext(ctx))
}

// api serves the JSON API.
func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	who, err := s.caller(r)
	if err != nil {
		problem{status: http.StatusUnauthorized, text: err.Error()}.write(w)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxCall)
	s.admit(w, r, who, s.API)
}

// maxCall is the largest call of the API or form of the page, in bytes. It may include a module.
const maxCall = 33 << 20

// onPage makes a handler of something that is only there with a page.
func (s *Server) onPage(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.gate.Load().Page == access.None {
			http.NotFound(w, r)
			return
		}
		serve(w, r)
	}
}

// page serves the page. It sends unknown users to the log-in.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	who, err := s.caller(r)
	who.Role = min(who.Role, s.gate.Load().Page)
	switch {
	case err != nil && isChange(r), err != nil && !strings.Contains(r.Header.Get("Accept"), "text/html"):
		problem{status: http.StatusUnauthorized, text: err.Error()}.write(w)
		return
	case err != nil:
		api.SeeOther(w, r, "/login?to="+url.QueryEscape(r.URL.RequestURI()))
		return
	case !who.proven && who.Role >= access.Operate && !isChange(r):
		setCookie(w, r, s.sessions.begin([sha256.Size]byte{}, time.Now()))
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxCall)
	s.admit(w, r, who, s.Page)
}

// loginForm shows the form for a token, if tokens are needed.
func (s *Server) loginForm(w http.ResponseWriter, r *http.Request) {
	if s.gate.Load().isOpen() {
		api.SeeOther(w, r, ownPath(r.FormValue("to")))
		return
	}
	s.Login(w, http.StatusOK, ownPath(r.FormValue("to")), "")
}

// login opens a session for a token from the form.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLogin)
	to := ownPath(r.PostFormValue("to"))
	rate := s.logins.of(r, time.Now())
	if wait := rate.wait(time.Now()); wait > 0 {
		setRetryAfter(w, wait)
		s.Login(w, http.StatusTooManyRequests, to, "too many wrong tokens from your address: wait a moment")
		return
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(r.PostFormValue("token"))))
	switch token := s.gate.Load().token(sum); {
	case token == nil:
		rate.take(1)
		s.Login(w, http.StatusUnauthorized, to, errBadToken.Error())
	case token.Role < access.Read:
		s.Login(w, http.StatusForbidden, to, "this token may not see the page: its role is not read, operate or admin")
	default:
		setCookie(w, r, s.sessions.begin(sum, time.Now()))
		api.SeeOther(w, r, to)
	}
}

const maxLogin = 8 << 10 // bytes of a log-in form

// logout ends a session.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	s.sessions.end(r)
	setCookie(w, r, "")
	api.SeeOther(w, r, "/login")
}

// ownPath returns a path of this server, so that a log-in cannot redirect elsewhere; "/" for any other text.
func ownPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
		strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return u.RequestURI()
}
