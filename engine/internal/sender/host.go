package sender

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// ownNames are names of this machine, and of the host of a container.
var ownNames = []string{
	"localhost", "localhost.localdomain", "localhost4", "localhost4.localdomain4", "localhost6", "localhost6.localdomain6",
	"ip6-localhost", "ip6-loopback",
	"host.docker.internal", "gateway.docker.internal", "host.containers.internal",
}

// metadataNames are names of the clouds' metadata servers, which a proxy in a cloud can resolve.
var metadataNames = []string{
	"metadata", "metadata.google.internal", "metadata.goog", "metadata.azure.internal", "metadata.tencentyun.com",
	"instance-data", "instance-data.ec2.internal",
}

// CheckHost judges a URL's host when nothing is dialled: while a configuration is checked, and when a proxy dials for us.
// It reads an address in every form that a resolver may accept, and knows the names of this machine and of metadata
// servers. It cannot judge other names.
func (g Guard) CheckHost(host string) error {
	name := strings.TrimRight(strings.Map(fold, norm.NFKC.String(host)), ".")
	switch {
	case slices.Contains(ownNames, name), strings.HasSuffix(name, ".localhost"):
		return g.Check(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	case slices.Contains(metadataNames, name), strings.HasPrefix(name, "instance-data.") && strings.HasSuffix(name, ".compute.internal"):
		return g.Check(netip.AddrFrom4([4]byte{169, 254, 169, 254}))
	case strings.ContainsRune(name, unicode.ReplacementChar):
		return g.Check(netip.Addr{})
	}
	for _, zeroBase := range []int{8, 10} {
		if addr, isAddr := readAddr(name, zeroBase); isAddr {
			if err := g.Check(addr); err != nil {
				return err
			}
		}
	}
	return nil
}

// fold maps a character of a host as net/http and resolvers do (UTS #46). It returns -1 for a character that they drop,
// and the replacement character for one that only some of them read as a digit.
func fold(r rune) rune {
	switch {
	case r == '\u3002' || r == '\uff0e' || r == '\uff61':
		return '.'
	case unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
		return -1
	case r > unicode.MaxASCII && unicode.IsNumber(r):
		return unicode.ReplacementChar
	}
	return unicode.ToLower(r)
}

// readAddr parses an address as inet_aton does: one to four parts, each decimal or hexadecimal, or in the given base if
// it begins with 0. The last part fills the remaining bytes. isAddr is false for a name. An address whose numbers are too
// large is invalid.
func readAddr(host string, zeroBase int) (addr netip.Addr, isAddr bool) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr, true
	}
	parts := strings.Split(host, ".")
	last := len(parts) - 1
	if last > 3 {
		return netip.Addr{}, false
	}
	value, fits := uint64(0), true
	for i, part := range parts {
		base := 10
		if digits, isHex := strings.CutPrefix(part, "0x"); isHex {
			part, base = "0"+digits, 16
		} else if strings.HasPrefix(part, "0") {
			base = zeroBase
		}
		n, err := strconv.ParseUint(part, base, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return netip.Addr{}, false
		}
		bits := 8 // of this part
		if i == last {
			bits = 8 * (4 - last)
		}
		fits = fits && err == nil && n < 1<<bits
		value = value<<bits | n
	}
	if !fits {
		return netip.Addr{}, true
	}
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(value)))), true
}
