package sender

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// Guard decides which addresses a webhook may reach. It refuses what it cannot judge.
type Guard struct {
	Trusted bool           // the webhook comes from the user's own file: it may reach everything but link-local and metadata addresses
	Allow   []netip.Prefix // the user's network.allow: always reachable
}

// RefusedError means that a webhook may not reach an address.
type RefusedError struct {
	Addr string // as resolved
	Why  string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s is refused: %s address (network.allow in your own settings can permit it)", e.Addr, e.Why)
}

// span is a range of addresses and its purpose.
type span struct {
	prefix netip.Prefix
	why    string
}

// never lists addresses that no webhook may reach, because they serve the machine's credentials.
var never = spans(`
169.254.0.0/16       a link-local
fe80::/10            a link-local
224.0.0.0/24         a link-local multicast
ff02::/16            a link-local multicast
fd00:ec2::/112       a metadata
fd00:42::42/128      a metadata
fd20:ce::254/128     a metadata
100.100.100.200/32   a metadata
168.63.129.16/32     a metadata
192.0.0.192/32       a metadata
`)

// inner lists addresses that a checkout's webhooks may not reach.
var inner = spans(`
0.0.0.0/8            an unspecified
10.0.0.0/8           a private
100.64.0.0/10        a shared (carrier-grade NAT)
127.0.0.0/8          a loopback
172.16.0.0/12        a private
192.0.0.0/24         a protocol assignment's
192.0.2.0/24         a documentation
192.88.99.0/24       a 6to4 relay's
192.168.0.0/16       a private
198.18.0.0/15        a benchmark
198.51.100.0/24      a documentation
203.0.113.0/24       a documentation
224.0.0.0/4          a multicast
240.0.0.0/4          a reserved or broadcast
::/128               an unspecified
::1/128              a loopback
::/96                an IPv4-compatible
64:ff9b::/96         a NAT64
64:ff9b:1::/48       a local NAT64
100::/64             a discard
2001::/32            a Teredo
2001:db8::/32        a documentation
2002::/16            a 6to4
3fff::/20            a documentation
5f00::/16            a segment routing
fc00::/7             a private
fec0::/10            a site-local
ff00::/8             a multicast
`)

func spans(table string) []span {
	var list []span
	for line := range strings.Lines(strings.TrimSpace(table)) {
		prefix, why, _ := strings.Cut(strings.TrimSpace(line), " ")
		list = append(list, span{netip.MustParsePrefix(prefix), strings.TrimSpace(why)})
	}
	return list
}

// Check returns a [RefusedError] if the webhook may not reach an address.
func (g Guard) Check(addr netip.Addr) error {
	if !addr.IsValid() {
		return &RefusedError{"an address that cannot be read", "not a known"}
	}
	plain := addr.Unmap().WithZone("") // a prefix contains no address with a zone
	if contains(g.Allow, plain) {
		return nil
	}
	refused := never
	if !g.Trusted {
		refused = slices.Concat(never, inner)
	}
	for _, s := range refused {
		if s.prefix.Contains(plain) {
			return &RefusedError{addr.String(), s.why}
		}
	}
	for _, v4 := range embedded(plain) {
		if err := g.Check(v4); err != nil {
			return &RefusedError{addr.String(), "it leads to " + v4.String() + ", " + err.(*RefusedError).Why}
		}
	}
	return nil
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool {
		if inner := p.Addr(); inner.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(inner.Unmap(), p.Bits()-96)
		}
		return p.Contains(addr)
	})
}

// embedded returns the IPv4 addresses to which an IPv6 address may lead: IPv4-compatible, IPv4-translated, NAT64, 6to4,
// Teredo and ISATAP.
func embedded(addr netip.Addr) []netip.Addr {
	if !addr.Is6() {
		return nil
	}
	b := addr.As16()
	last := netip.AddrFrom4([4]byte(b[12:]))
	in := func(prefix string) bool { return netip.MustParsePrefix(prefix).Contains(addr) }
	switch {
	case in("::/127"):
		return nil // unspecified and loopback
	case in("::/96"), in("::ffff:0:0:0/96"), in("64:ff9b::/96"):
		return []netip.Addr{last}
	case in("64:ff9b:1::/48"): // the prefix may have 48, 56, 64 or 96 bits (RFC 6052); byte 8 is not used
		list := []netip.Addr{last}
		for _, at := range [][4]int{{6, 7, 9, 10}, {7, 9, 10, 11}, {9, 10, 11, 12}} {
			list = append(list, netip.AddrFrom4([4]byte{b[at[0]], b[at[1]], b[at[2]], b[at[3]]}))
		}
		return list
	case in("2002::/16"):
		return []netip.Addr{netip.AddrFrom4([4]byte(b[2:6]))}
	case in("2001::/32"):
		client := netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})
		return []netip.Addr{netip.AddrFrom4([4]byte(b[4:8])), client}
	case b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe:
		return []netip.Addr{last}
	}
	return nil
}

// control is a net.Dialer's ControlContext: it judges the address that is about to be dialled.
func (g Guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return g.Check(netip.Addr{})
	}
	return g.Check(to.Addr())
}
