package sender

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// proxyOf returns the proxy to the webhook's receiver, or nil. The error is a [Fault]. It reads the environment as
// net/http does, except that net/http connects directly if it cannot parse a variable.
func proxyOf(w *Webhook) (*url.URL, error) {
	if w.Proxy != nil {
		return w.Proxy, nil
	}
	name := strings.ToUpper(w.URL.Scheme) + "_PROXY"
	if os.Getenv(name) == "" {
		name = strings.ToLower(name)
	}
	exceptions := cmp.Or(os.Getenv("NO_PROXY"), os.Getenv("no_proxy"))
	if os.Getenv(name) == "" || withoutProxy(exceptions, strings.ToLower(w.URL.Hostname()), portOf(w.URL)) {
		return nil, nil
	}
	if w.URL.Scheme == "http" && os.Getenv("REQUEST_METHOD") != "" {
		return nil, &Fault{Ours: true, Reason: "the environment's " + name + " is not used, since REQUEST_METHOD is set too: " +
			"in CGI a client can set it"}
	}
	proxy, readable := parseProxy(os.Getenv(name))
	if !readable {
		return nil, &Fault{Ours: true, Reason: "the environment's " + name + " is not the URL of a proxy: " +
			"want http://HOST:PORT, and %, #, / and ? percent-encoded in a user's name and password"}
	}
	return proxy, nil
}

// portOf returns the port that a request to a URL, or to a proxy's URL, goes to.
func portOf(u *url.URL) string {
	return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme], "1080") // the last one is SOCKS's
}

// parseProxy parses a proxy's URL, which may lack its scheme. A password that is not encoded may end the host at the
// wrong place.
func parseProxy(text string) (*url.URL, bool) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, false
	}
	port, err := strconv.Atoi(cmp.Or(u.Port(), "1"))
	isHost := err == nil && port > 0 && port < 1<<16 && u.Hostname() != "" && isPlain(u.Host)
	endsThere := !strings.ContainsAny(text, "?#") && !strings.Contains(u.Path, "@")
	return u, isHost && endsThere && slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme)
}

// withoutProxy reports whether a receiver is reached directly: it is on this machine, or an entry of a NO_PROXY list
// matches. An entry is a name, which includes all names below it, a name with a leading dot for the names below it alone,
// an address or a range, each with an optional port, or * for everything.
func withoutProxy(list, host, port string) bool {
	addr, _ := netip.ParseAddr(host)
	if host == "localhost" || addr.IsLoopback() {
		return true
	}
	for entry := range strings.SplitSeq(strings.ToLower(list), ",") {
		entry = strings.TrimSpace(entry)
		if prefix, err := netip.ParsePrefix(entry); err == nil && prefix.Masked().Contains(addr.Unmap()) {
			return true
		}
		if name, itsPort, err := net.SplitHostPort(entry); err == nil {
			if itsPort != port {
				continue
			}
			entry = name
		}
		if same, err := netip.ParseAddr(entry); err == nil && same.Unmap() == addr.Unmap() {
			return true
		}
		below := strings.TrimPrefix(entry, "*")
		if entry == "*" || entry == host || strings.HasSuffix(host, "."+strings.TrimPrefix(below, ".")) && below != "" {
			return true
		}
	}
	return false
}

// proxyFault explains why a proxy was not reached.
func proxyFault(proxy *url.URL, err error) *Fault {
	reason := "no connection"
	for _, explain := range []func(error) *Fault{ofSystem, ofName} {
		if fault := explain(err); fault != nil {
			reason = fault.Reason
		}
	}
	return &Fault{Reason: "the proxy " + proxy.Host + ": " + reason, Ours: true}
}

// onProxyConnect judges a proxy's answer to CONNECT. If the proxy cannot reach the receiver, it is the receiver's fault;
// everything else is ours.
func onProxyConnect(_ context.Context, proxy *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	return &Fault{Reason: fmt.Sprintf("the proxy %s answered %s", proxy.Host, statusText(res.StatusCode)), Ours: res.StatusCode < 500}
}
