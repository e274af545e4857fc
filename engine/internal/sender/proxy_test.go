package sender_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/sender"
)

// proxy is a real one: it tunnels CONNECT and forwards other requests, or answers each request with status.
func proxy(t *testing.T, status int) (at *url.URL, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if status != 0 {
			w.WriteHeader(status)
			return
		}
		if r.Method != http.MethodConnect {
			r.RequestURI = ""
			res, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			defer res.Body.Close()
			w.WriteHeader(res.StatusCode)
			_, _ = io.Copy(w, res.Body)
			return
		}
		out, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer out.Close()
		in, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer in.Close()
		_, _ = io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(out, buffered) }()
		_, _ = io.Copy(in, out)
	}))
	t.Cleanup(server.Close)
	at, _ = url.Parse(server.URL)
	at.User = url.UserPassword("proxy-user", "hidden-proxy-password")
	return at, asked
}

func TestProxy(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer secure.Close()
	nobody := "https://" + closedPort()
	tests := []struct {
		name, target string
		status       int
		down         bool
		outcome      delivery.Outcome
		free         bool
		want         string
	}{
		{"plain", plain.URL, 0, false, delivery.Delivered, false, "200 OK"},
		{"tunnel", secure.URL, 0, false, delivery.Delivered, false, "200 OK"},
		{"down", plain.URL, 0, true, delivery.Retry, true, "connection refused"},
		{"down, tunnel", secure.URL, 0, true, delivery.Retry, true, "connection refused"},
		{"wants a password", plain.URL, 407, false, delivery.Retry, true, "407 Proxy Authentication Required by the proxy"},
		{"wants a password, tunnel", secure.URL, 407, false, delivery.Retry, true, "answered 407 Proxy Authentication Required"},
		{"forbids the tunnel", secure.URL, 403, false, delivery.Retry, true, "answered 403 Forbidden"},
		{"does not reach the receiver", nobody, 0, false, delivery.Retry, false, "answered 502 Bad Gateway"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at, asked := proxy(t, tt.status)
			if tt.down {
				at.Host = closedPort()
			}
			w := webhook(t, tt.target)
			w.Proxy = at
			w.TLS = secure.Client().Transport.(*http.Transport).TLSClientConfig
			a := newSender(t, w).Send(t.Context(), newDelivery())
			if a.Outcome != tt.outcome || a.Free != tt.free || !strings.Contains(a.Reason, tt.want) {
				t.Errorf("%+v, want %v, free %v: %q", a, tt.outcome, tt.free, tt.want)
			}
			if strings.Contains(a.Reason, "hidden") || strings.Contains(a.Reason, "proxy-user") {
				t.Errorf("reason %q holds the proxy's password", a.Reason)
			}
			if (asked.Load() > 0) == tt.down {
				t.Errorf("the proxy was asked %d times", asked.Load())
			}
		})
	}
}

// The user chooses the proxy's address; the receiver's is judged as it is written in the URL.
func TestProxyDoesNotOpenTheInside(t *testing.T) {
	at, asked := proxy(t, 200)
	for target, want := range map[string]string{
		"http://169.254.169.254/":   "169.254.169.254 is refused: a link-local address",
		"http://[::ffff:10.0.0.1]/": "is refused: a private address",
		"http://receiver.example/":  "200 OK", // only the proxy knows where it leads
	} {
		w := webhook(t, target)
		w.Proxy, w.Trusted = at, false
		asked.Store(0)
		if a := newSender(t, w).Send(t.Context(), newDelivery()); !strings.Contains(a.Reason, want) {
			t.Errorf("%s: %s, want %q", target, a.Reason, want)
		}
		if passed := want == "200 OK"; (asked.Load() > 0) != passed {
			t.Errorf("%s: the proxy was asked %d times", target, asked.Load())
		}
	}
}

// Connecting has a deadline of its own: a listener with a full queue accepts no connection.
func TestConnectDeadline(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems refuse a connection for which there is no room")
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, _ := syscall.Getsockname(fd)
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 3 {
		if conn, err := net.DialTimeout("tcp", addr, 100*time.Millisecond); err == nil {
			defer conn.Close()
		}
	}
	w := webhook(t, "http://"+addr)
	w.Deadlines = sender.Deadlines{Connect: 150 * time.Millisecond}
	a := newSender(t, w).Send(t.Context(), newDelivery())
	if a.Outcome != delivery.Retry || a.Reason != "no connection within 150ms" || a.Took > 2*time.Second {
		t.Errorf("%+v, want no connection within 150ms", a)
	}
}

func TestTLSVersionsAndHTTP2(t *testing.T) {
	var proto atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		proto.Store(fmt.Sprintf("%s, TLS %x", r.Proto, r.TLS.Version))
	}))
	server.EnableHTTP2, server.Config.ErrorLog = true, silent
	server.StartTLS()
	defer server.Close()
	w := webhook(t, server.URL)
	w.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	w.TLS.NextProtos = nil
	w.TLS.MinVersion = tls.VersionTLS10 // cannot go below 1.2
	if a := newSender(t, w).Send(t.Context(), newDelivery()); a.Outcome != delivery.Delivered || proto.Load() != "HTTP/2.0, TLS 304" {
		t.Errorf("%s: %v", a.Reason, proto.Load())
	}
	w.TLS.MaxVersion = tls.VersionTLS11
	if a := newSender(t, w).Send(t.Context(), newDelivery()); a.Outcome != delivery.Retry {
		t.Errorf("TLS 1.1: %s", a.Reason)
	}
}

// inside lists hosts in all the forms in which a resolver behind a proxy may read an address.
var inside = []string{
	"169.254.169.254", "169.254.169.254.", "169.254.169.254..", "2852039166", "2852039166.", "0xA9FEA9FE", "0xa9fea9fe", "025177524776",
	"0251.0376.0251.0376", "0251.254.0xa9.254", "0x00a9.00000376.0251.0376", "169.254.43518", "169.16689662", "169.254.0xa9fe",
	"169.254.0124776", "127.1", "127.0.1", "0177.1", "0x7f.1", "017700000001", "2130706433", "0x7f000001", "0", "0x", "00",
	"0.0.0.0", "10.1", "012.1", "192.168.257",
	"010.8.8.8", "0127.0.0.1", "4294967296", "18446744073709551616", "0xfffffffff", "256.1", "1.2.3.256", "1.2.65536", "127.16777216",
	"localhost", "LOCALHOST", "localhost.", "foo.localhost", "a.b.LocalHost.", "ip6-localhost", "localhost.localdomain",
	"localhost6.localdomain6", "host.docker.internal",
	"loca\u00adlhost", "127.0.\u200b0.1", "lo\ufe0fcalhost", "localho\u017ft", "\u2113ocalhost", "loc\u00aalhost", "①②⑦.1", "１27.1",
	"[::1]", "[::ffff:127.0.0.1]", "[fe80::1%25eth0]", "[64:ff9b::a9fe:a9fe]",
	"metadata.google.internal", "METADATA.google.internal.", "metadata", "instance-data",
	"instance-data.eu-west-1.compute.internal", "metadata.azure.internal", "metadata.tencentyun.com",
	"１２７.0.0.1", "127。0．0｡1", "２１３０７０６４３３", "ｌｏｃａｌｈｏｓｔ", "①②⑦.0.0.1", "127.0.0.𝟏", "¹²⁷.1",
}

// outside lists names, and addresses that every webhook may reach.
var outside = []string{
	"receiver.example", "8.8.8.8", "134744072", "0x08080808", "8.526344", "08.8.8.8", "099.1", "010.8.8.8.example",
	"1e100.example", "0x7f.example", "127.0.0.1.example", "localhost.example", "notlocalhost", "1.2.3.4.5", "1_0.1",
	"bücher.example", "例え.テスト", "vermögensberater", "[2606:4700::1111]", "a.0xzz", "-1",
}

// Behind a proxy nothing is dialled here, so the host is judged as every resolver may read it: for plain requests and for
// CONNECT.
func TestProxyIsAskedForNoHostThatIsInside(t *testing.T) {
	at, asked := proxy(t, 200)
	for _, scheme := range []string{"http://", "https://"} {
		for _, host := range inside {
			w := webhook(t, scheme+host+"/")
			w.Proxy, w.Trusted = at, false
			asked.Store(0)
			if a := newSender(t, w).Send(t.Context(), newDelivery()); !strings.Contains(a.Reason, " is refused: ") || asked.Load() > 0 {
				t.Errorf("%s%s: %s, and the proxy was asked %d times", scheme, host, a.Reason, asked.Load())
			}
		}
		for _, host := range outside {
			w := webhook(t, scheme+host+"/")
			w.Proxy, w.Trusted = at, false
			asked.Store(0)
			if a := newSender(t, w).Send(t.Context(), newDelivery()); asked.Load() == 0 {
				t.Errorf("%s%s: %s, and the proxy was not asked", scheme, host, a.Reason)
			}
		}
	}
}

// The user's own webhook reaches loopback and private addresses in every form, and metadata addresses in none.
func TestUsersOwnHostsBehindAProxy(t *testing.T) {
	for host, want := range map[string]string{
		"localhost": "", "foo.localhost.": "", "127.1": "", "0x7f000001": "", "10.1": "",
		"2852039166": "a link-local", "0251.0376.0251.0376": "a link-local", "169.254.169.254.": "a link-local",
		"100.100.25800": "a metadata", "4294967296": "not a known",
	} {
		err := sender.Guard{Trusted: true}.CheckHost(host)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", host, err, want)
		}
	}
	allowed := sender.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	if err := allowed.CheckHost("app.localhost"); err != nil {
		t.Errorf("an allowed address by its name: %v", err)
	}
}

// A proxy variable that cannot be parsed is our fault, is named, and nothing is sent anywhere. No part of it shows.
func TestProxyVariableThatCannotBeRead(t *testing.T) {
	unreadable := []string{
		"http://hidden:12#34hidden@proxy.example:3128", "http://hidden:12/34hidden@proxy.example:3128",
		"http://hidden:12?34hidden@proxy.example:3128", "http://hidden:hid#den@proxy.example:3128",
		"http://hidden:hid%zz@proxy.example:3128", "hidden:12#34@proxy.example:3128", "hidden:12%34%@proxy.example:3128",
		"hidden:hid/den@proxy.example", "ftp://hidden@proxy.example", "http://", "http://hidden@", "://hidden",
		"http://proxy.example:hidden", "http://proxy.example:99999", "http://pro xy.hidden:1", "http://hidden:1234\x7f@proxy.example",
	}
	for _, scheme := range []string{"http", "https"} {
		for _, value := range unreadable {
			for _, name := range []string{strings.ToUpper(scheme) + "_PROXY", scheme + "_proxy"} {
				t.Setenv("HTTP_PROXY", "")
				t.Setenv("HTTPS_PROXY", "")
				t.Setenv("http_proxy", "")
				t.Setenv("https_proxy", "")
				t.Setenv(name, value)
				a := newSender(t, webhook(t, scheme+"://receiver.invalid/")).Send(t.Context(), newDelivery())
				want := "the environment's " + name + " is not the URL of a proxy"
				if !strings.HasPrefix(a.Reason, want) || !a.Free || strings.Contains(a.Reason, "34") || strings.Contains(a.Reason, "hidden") {
					t.Errorf("%s=%s: %+v, want %q", name, value, a, want)
				}
			}
		}
	}
}

func TestHostsWithoutAProxy(t *testing.T) {
	for list, hosts := range map[string][2]string{ // hosts that match, and hosts that do not
		"*":                       {"a.example 10.0.0.1", ""},
		"a.example":               {"a.example A.EXAMPLE b.a.example", "ba.example example 10.0.0.1"},
		".a.example":              {"b.a.example", "a.example"},
		"*.a.example":             {"b.a.example", "a.example"},
		"a.example:443":           {"a.example", ""},
		"a.example:80":            {"", "a.example"},
		" b.example , a.example ": {"a.example b.example", "c.example"},
		"10.0.0.0/8,::1/128":      {"10.1.2.3 ::1", "11.0.0.1 ::2 a.example"},
		"10.0.0.1,[fd00::1]:443":  {"10.0.0.1 fd00::1", "10.0.0.2 fd00::2"},
		",, ,":                    {"", "a.example"},
	} {
		for i, want := range []bool{true, false} {
			for host := range strings.FieldsSeq(hosts[i]) {
				if got := sender.WithoutProxy(list, strings.ToLower(host), "443"); got != want {
					t.Errorf("%q, %s: %v, want %v", list, host, got, want)
				}
			}
		}
	}
}

// A receiver that needs no proxy is reached although the variable cannot be parsed.
func TestDirectReceiversDoNotMindTheProxyVariable(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://hidden:12#34hidden@proxy.example:3128")
	t.Setenv("NO_PROXY", "other.example, 127.0.0.0/8")
	url, requests := receiver(t)
	send(t, newSender(t, webhook(t, url)), newDelivery(), requests)
	send(t, newSender(t, webhook(t, strings.Replace(url, "127.0.0.1", "localhost", 1))), newDelivery(), requests)
}

// In CGI, a client sets HTTP_PROXY with a header.
func TestProxyOfACGIIsNotUsed(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://hidden:hidden@proxy.example:3128")
	t.Setenv("REQUEST_METHOD", "GET")
	a := newSender(t, webhook(t, "http://receiver.invalid/")).Send(t.Context(), newDelivery())
	if want := "the environment's HTTP_PROXY is not used, since REQUEST_METHOD is set too"; !strings.HasPrefix(a.Reason, want) || !a.Free {
		t.Errorf("%+v, want %q", a, want)
	}
}
