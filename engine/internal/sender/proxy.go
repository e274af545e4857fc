package sender

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// proxyOf returns the proxy to the webhook's receiver, nil for none.
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

// proxyFault explains a proxy that was not reached.
func proxyFault(proxy *url.URL, err error) *Fault {
	reason := "no connection"
	for _, explain := range []func(error) *Fault{ofSystem, ofName} {
		if fault := explain(err); fault != nil {
			reason = fault.Reason
		}
	}
	return &Fault{Reason: "the proxy " + proxy.Host + ": " + reason, Ours: true}
}

// onProxyConnect judges a proxy's answer to CONNECT: if it cannot reach the receiver, that is the receiver's fault; all else is ours.
func onProxyConnect(_ context.Context, proxy *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	return &Fault{Reason: fmt.Sprintf("the proxy %s answered %s", proxy.Host, statusText(res.StatusCode)), Ours: res.StatusCode < 500}
}
