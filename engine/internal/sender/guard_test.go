package sender_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/sender"
)

// guarded lists addresses with the guard's answers for a webhook of a checkout's file and for one of the user's own. Each range has
// its first and last address here, and its open neighbours.
var guarded = []struct {
	addrs             string
	strict, trusted   string // part of the refusal, "" for none
	beforeAndBehindOK string // neighbours that all webhooks may reach
}{
	{"0.0.0.0 0.255.255.255", "unspecified", "", "1.0.0.0"},
	{"10.0.0.0 10.255.255.255", "private", "", "9.255.255.255 11.0.0.0"},
	{"100.64.0.0 100.127.255.255", "shared", "", "100.63.255.255 100.128.0.0"},
	{"127.0.0.0 127.0.0.1 127.255.255.255", "loopback", "", "126.255.255.255 128.0.0.0"},
	{"169.254.0.0 169.254.169.254 169.254.170.2 169.254.255.255", "link-local", "link-local", "169.253.255.255 169.255.0.0"},
	{"172.16.0.0 172.31.255.255", "private", "", "172.15.255.255 172.32.0.0"},
	{"192.0.0.0 192.0.0.255", "protocol assignment", "", "191.255.255.255 192.0.1.0"},
	{"192.0.2.0 192.0.2.255", "documentation", "", "192.0.1.255 192.0.3.0"},
	{"192.88.99.0 192.88.99.255", "6to4 relay", "", "192.88.98.255 192.88.100.0"},
	{"192.168.0.0 192.168.255.255", "private", "", "192.167.255.255 192.169.0.0"},
	{"198.18.0.0 198.19.255.255", "benchmark", "", "198.17.255.255 198.20.0.0"},
	{"198.51.100.0 198.51.100.255", "documentation", "", "198.51.99.255 198.51.101.0"},
	{"203.0.113.0 203.0.113.255", "documentation", "", "203.0.112.255 203.0.114.0"},
	{"224.0.1.0 239.255.255.255", "multicast", "", "223.255.255.255"},
	{"224.0.0.0 224.0.0.255", "link-local multicast", "link-local multicast", ""},
	{"240.0.0.0 255.255.255.255", "reserved or broadcast", "", ""},
	{"100.100.100.200 168.63.129.16 192.0.0.192", "metadata", "metadata", "168.63.129.15 168.63.129.17"},

	{"::", "unspecified", "", ""},
	{"::1", "loopback", "", ""},
	{"::2 ::ffff:ffff ::808:808", "IPv4-compatible", "", ""},
	{"::a9fe:a9fe", "IPv4-compatible", "169.254.169.254", ""},
	{"::ffff:127.0.0.1", "loopback", "", "::ffff:8.8.8.8"},
	{"::ffff:10.1.2.3", "private", "", ""},
	{"::ffff:169.254.169.254", "link-local", "link-local", ""},
	{"::ffff:0:a9fe:a9fe", "169.254.169.254", "169.254.169.254", "::ffff:0:808:808"},
	{"::ffff:0:7f00:1", "127.0.0.1", "", ""},
	{"64:ff9b:: 64:ff9b::808:808 64:ff9b::ffff:ffff", "NAT64", "", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff"},
	{"64:ff9b::a9fe:a9fe", "NAT64", "169.254.169.254", ""},
	{"64:ff9b:1:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local NAT64", "", "64:ff9b:2::"},
	{"64:ff9b:1::a9fe:a9fe 64:ff9b:1:a9fe:a9:fe00:: 64:ff9b:1:12a9:fe:a9fe:: 64:ff9b:1:1234:a9:fea9:fe00::",
		"local NAT64", "169.254.169.254", ""},
	{"100:: 100::ffff:ffff:ffff:ffff", "discard", "", "100:0:0:1::"},
	{"2001:: 2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "Teredo", "", "2001:1::"},
	{"2001:0:808:808::5601:5601", "Teredo", "169.254.169.254", ""}, // the client's address is stored inverted
	{"2001:0:a9fe:a9fe::", "Teredo", "169.254.169.254", ""},        // the server's is not
	{"2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation", "", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff 2001:db9::"},
	{"2002:: 2002:808:808::1 2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4", "", "2003::"},
	{"2002:a9fe:a9fe::1", "6to4", "169.254.169.254", ""},
	{"3fff:: 3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation", "", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff 3fff:1000::"},
	{"5f00:: 5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "segment routing", "", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 5f01::"},
	{"fc00:: fd12:3456::1 fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "private", "", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	{"fd00:ec2::254 fd00:ec2::23 fd00:42::42 fd20:ce::254", "metadata", "metadata", ""},
	{"fe80:: fe80::1 fe80::1%lo febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local", "link-local",
		"fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	{"fec0:: feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site-local", "", ""},
	{"ff00:: ff05::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast", "", ""},
	{"ff02::1 ff02::1%eth0", "link-local multicast", "link-local multicast", ""},
	{"2606:4700::5efe:a9fe:a9fe 2606:4700::200:5efe:a9fe:a9fe", "169.254.169.254", "169.254.169.254", "2606:4700::5efe:808:808"},
	{"2606:4700::5efe:a00:1", "10.0.0.1", "", ""},
}

func TestGuardKnowsEveryRange(t *testing.T) {
	check := func(g sender.Guard, addr netip.Addr, want string) {
		t.Helper()
		err := g.Check(addr)
		var refused *sender.RefusedError
		switch {
		case want == "" && err != nil:
			t.Errorf("%s, trusted %v: %v, want it open", addr, g.Trusted, err)
		case want != "" && (!errors.As(err, &refused) || !strings.Contains(refused.Why, want)):
			t.Errorf("%s, trusted %v: %v, want %q", addr, g.Trusted, err, want)
		}
	}
	strict, trusted := sender.Guard{}, sender.Guard{Trusted: true}
	for _, tt := range guarded {
		for text := range strings.FieldsSeq(tt.addrs) {
			addr := netip.MustParseAddr(text)
			check(strict, addr, tt.strict)
			check(trusted, addr, tt.trusted)
			plain := addr.WithZone("")
			prefix := netip.PrefixFrom(plain, plain.BitLen())
			for _, g := range []sender.Guard{strict, trusted} {
				g.Allow = []netip.Prefix{prefix}
				check(g, addr, "")
				if addr.Is4() { // an allowed address is not allowed in another form
					check(g, netip.AddrFrom16(addr.As16()), "")
				}
			}
		}
		for text := range strings.FieldsSeq(tt.beforeAndBehindOK) {
			check(strict, netip.MustParseAddr(text), "")
			check(trusted, netip.MustParseAddr(text), "")
		}
	}
	for _, g := range []sender.Guard{strict, trusted,
		{Trusted: true, Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}} {
		check(g, netip.Addr{}, "not a known")
	}
	// An address that the user allows is allowed as long as it leads nowhere else.
	check(sender.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, netip.MustParseAddr("11.0.0.1"), "")
	check(sender.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, netip.MustParseAddr("192.168.0.1"), "private")
	check(sender.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}}, netip.MustParseAddr("10.1.1.1"), "")
}

// FuzzGuard compares the guard with the standard library's classes: an address that is private there never passes a
// checkout's webhook, not even inside a mapped address, and an address that is refused to the user is refused to the
// checkout.
func FuzzGuard(f *testing.F) {
	for _, tt := range guarded {
		for text := range strings.FieldsSeq(tt.addrs + " " + tt.beforeAndBehindOK) {
			f.Add(netip.MustParseAddr(text).AsSlice())
		}
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, _ := netip.AddrFromSlice(b)
		strict, trusted := sender.Guard{}.Check(addr), sender.Guard{Trusted: true}.Check(addr)
		plain := addr.Unmap()
		inner := !addr.IsValid() || plain.IsLoopback() || plain.IsPrivate() || plain.IsLinkLocalUnicast() ||
			plain.IsMulticast() || plain.IsUnspecified()
		if inner && strict == nil {
			t.Errorf("%s passes", addr)
		}
		if (!addr.IsValid() || plain.IsLinkLocalUnicast()) && trusted == nil {
			t.Errorf("%s passes to the user's own webhook", addr)
		}
		if trusted != nil && strict == nil {
			t.Errorf("%s passes to a checkout and not to the user", addr)
		}
		if !addr.IsValid() {
			return
		}
		if mapped := netip.AddrFrom16(addr.As16()); (sender.Guard{}.Check(mapped) == nil) != (strict == nil) {
			t.Errorf("%s and %s are judged differently", addr, mapped)
		}
		allowed := sender.Guard{Allow: []netip.Prefix{netip.PrefixFrom(plain.WithZone(""), plain.BitLen())}}
		if err := allowed.Check(addr); err != nil {
			t.Errorf("%s is allowed: %v", addr, err)
		}
		if plain.Is4() {
			v4 := plain.As4()
			embedding := []byte{0x20, 0x02, v4[0], v4[1], v4[2], v4[3], 15: 1}
			if six, _ := netip.AddrFromSlice(embedding); trusted != nil && (sender.Guard{Trusted: true}).Check(six) == nil {
				t.Errorf("%s passes as %s", addr, six)
			}
		}
	})
}

// localServer counts requests that reach 127.0.0.1, and returns its port.
func localServer(t *testing.T) (port string, arrived *atomic.Int64) {
	t.Helper()
	arrived = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	t.Cleanup(server.Close)
	_, port, _ = net.SplitHostPort(server.Listener.Addr().String())
	return port, arrived
}

// A host may be written in many ways; with none of them does a checkout's webhook reach an inner address.
func TestCheckoutsWebhookReachesNothingInside(t *testing.T) {
	port, arrived := localServer(t)
	for _, host := range []string{
		"127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "127.0.0.1.", "2130706433",
		"0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0", "[::1]", "[::]",
		"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::127.0.0.1]", "[::1%25lo]", "[::1%25]",
	} {
		w := sender.Webhook{}
		if u, err := parse(host, port); err == nil {
			w = webhook(t, u)
		} else {
			continue // no URL; config reports it
		}
		w.Trusted = false
		a := newSender(t, w).Send(t.Context(), newDelivery())
		if a.Outcome != delivery.Retry || a.Status != 0 {
			t.Errorf("%s: %v, %s; want no answer", host, a.Outcome, a.Reason)
		}
		if strings.Contains(host, "127.0.0.1") && !strings.HasSuffix(host, ".") && !strings.Contains(a.Reason, "refused:") {
			t.Errorf("%s: %s, want it refused", host, a.Reason)
		}
	}
	if n := arrived.Load(); n > 0 {
		t.Errorf("%d requests arrived", n)
	}
	w := webhook(t, "http://127.0.0.1:"+port)
	w.Trusted, w.Allow = false, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	if a := newSender(t, w).Send(t.Context(), newDelivery()); a.Outcome != delivery.Delivered {
		t.Errorf("allowed: %s", a.Reason)
	}
}

func parse(host, port string) (string, error) {
	u := "http://" + host + ":" + port
	_, err := http.NewRequest(http.MethodPost, u, nil)
	return u, err
}

// nameServer answers each query for an IPv4 address with answer's result: an address, or a return code. It returns a
// resolver that asks it.
func nameServer(t *testing.T, answer func(n int64) (addr netip.Addr, code byte)) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var asked int64
		for buf := make([]byte, 512); ; {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			end := 12 // of the query's name
			for end < n && buf[end] != 0 {
				end += int(buf[end]) + 1
			}
			question := append([]byte{}, buf[12:end+5]...)
			isA := question[len(question)-3] == 1
			var addr netip.Addr
			var code byte
			if isA {
				asked++
			}
			addr, code = answer(asked)
			reply := []byte{buf[0], buf[1], 0x81, 0x80 | code, 0, 1, 0, 0, 0, 0, 0, 0}
			reply = append(reply, question...)
			if isA && addr.IsValid() {
				reply[7] = 1
				reply = append(reply, 0xc0, 12, 0, 1, 0, 1)
				reply = binary.BigEndian.AppendUint32(reply, 0)
				reply = append(append(reply, 0, 4), addr.AsSlice()...)
			}
			_, _ = conn.WriteTo(reply, from)
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// A name that first leads outside and then inside is judged by the address that is dialled.
func TestNameThatChangesItsAddressIsJudgedAtTheDial(t *testing.T) {
	port, arrived := localServer(t)
	inside := netip.MustParseAddr("127.0.0.1")
	w := webhook(t, "http://rebind.example:"+port)
	w.Resolver = nameServer(t, func(n int64) (netip.Addr, byte) { return inside, 0 })
	if a := newSender(t, w).Send(t.Context(), newDelivery()); a.Outcome != delivery.Delivered {
		t.Fatalf("trusted: %s, want delivered: the name server does not work", a.Reason)
	}
	arrived.Store(0)

	w.Trusted = false
	w.Deadlines.Connect = 50e6
	outside := netip.MustParseAddr("255.255.255.254") // reserved, so that nothing is really dialled; allowed here
	w.Allow = []netip.Prefix{netip.PrefixFrom(outside, 32)}
	w.Resolver = nameServer(t, func(n int64) (netip.Addr, byte) {
		if n%2 == 1 {
			return outside, 0
		}
		return inside, 0
	})
	s := newSender(t, w)
	for n := range 4 {
		a := s.Send(t.Context(), newDelivery())
		if refused := strings.Contains(a.Reason,
			"127.0.0.1 is refused: a loopback address"); a.Outcome != delivery.Retry || refused != (n%2 == 1) {
			t.Errorf("attempt %d: %v, %s", n, a.Outcome, a.Reason)
		}
	}
	if n := arrived.Load(); n > 0 {
		t.Errorf("%d requests arrived", n)
	}
}
