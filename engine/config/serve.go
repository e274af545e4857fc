package config

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Serve says where awf-hook serve listens and who may send events. Zero values mean the defaults.
type Serve struct {
	Listen  string // an address with its port, or "unix:PATH" with an absolute path
	TLS     TLS
	Hosts   []string
	Tokens  []Token
	Secrets []SigningSecret // of signed requests
	Rate    Rate            // of events in requests without a token
	Page    string          // off, read or operate; "" for read
}

// Token lets its bearer do what its role allows.
type Token struct {
	Name   string
	SHA256 [sha256.Size]byte
	Role   string // send, read, operate or admin; "" for send
	Rate   Rate   // of events
}

// Certificate returns the server's certificate, nil if TLS is not configured.
func (s *Serve) Certificate() *tls.Certificate {
	pair, err := tls.X509KeyPair([]byte(s.TLS.cert.Reveal()), []byte(s.TLS.key.Reveal()))
	if err != nil { // there is none; judgeTLS has refused a broken one
		return nil
	}
	return &pair
}

var serveKeys = []Key{
	{Path: "listen", Kind: KindText, Without: "127.0.0.1:8470", read: by((*decoder).listenAddress),
		show: as(func(s *Serve) string { return s.Listen }),
		Is: "the address, or `unix:` and the path of a socket. An address that other machines can reach needs `tokens` or `secret`, " +
			"and `tls`, unless `--insecure-listen` is given"},
	{Path: "tls", Kind: KindMapping, merge: wholeHolds, below: serveTLSKeys, judge: by((*decoder).judgeTLS),
		Is: "the server's certificate; both files are PEM"},
	{Path: "hosts", Kind: KindTexts, Min: 1, Max: 100, read: each((*decoder).host),
		Is: "names by which browsers and clients without a token reach the server, in addition to localhost, addresses, the name in " +
			"`listen` and those of the certificate"},
	{Path: "tokens", Kind: KindList, Min: 1, Max: 1000, below: tokenKeys, read: by((*decoder).tokens),
		show: as(func(s *Serve) string { return joined(s.Tokens, func(t Token) string { return t.Name }) }),
		Is:   "who may send events; without tokens and a secret, anybody who reaches the address may"},
	{Path: "secret", Kind: KindSecrets, Min: 1, Max: 10, below: secretKeys, at: keeps(func(s *Serve) any { return &s.Secrets }),
		Is: "admits requests with a signature of Standard Webhooks, such as another awf-hook's. A list serves to rotate secrets"},
	{Path: "rate", Kind: KindRate, Max: 100_000, Without: "none", Is: "the maximum number of events per time from requests without a token"},
	{Path: "page", Kind: KindText, Without: "read", Choices: []string{"off", "read", "operate"},
		Is: "the page in a browser: `read` shows the queue, `operate` can also replay, discard and pause, `off` means no page. With `tokens`, " +
			"the token's role decides within this bound; without, whoever reaches the address may do this"},
}

var serveTLSKeys = []Key{
	{Path: "cert_file", Kind: KindText, read: byText((*decoder).pem), Is: "the certificate, followed by the intermediate ones"},
	{Path: "key_file", Kind: KindText, read: byText((*decoder).pem), Is: "its key"},
}

var tokenKeys = []Key{
	{Path: "name", Kind: KindText, Min: 1, Max: 100, Required: true, read: by((*decoder).tokenName),
		Is: "the client's name, for logs and metrics, but not `signed`, `http`, `follow` or `unknown`, which mean other clients there. Two " +
			"tokens with the same name and rate serve to rotate them"},
	{Path: "role", Kind: KindText, Without: "send", Choices: []string{"send", "read", "operate", "admin"},
		Is: "what its bearer may do: `send` events; `read` the page and the API; `operate`, which is read and also to replay, discard, " +
			"pause and close; `admin`, which is everything"},
	{Path: "sha256", Kind: KindText, Required: true, read: byText((*decoder).tokenDigest),
		Is: "the token's SHA-256 in hex: `awf-hook secret token` prints both"},
	{Path: "rate", Kind: KindRate, Max: 100_000, Without: "none", Is: "the maximum number of events per time from the client"},
}

func (d *decoder) listenAddress(n node, s *Serve) {
	s.Listen, _ = d.formed(n, ListenForm, IsListen)
	if path, isUnix := strings.CutPrefix(s.Listen, "unix:"); isUnix {
		s.Listen = "unix:" + d.absolute(path)
	}
}

// ListenForm says what an address for serve to listen on looks like.
const ListenForm = "an address with its port, like 127.0.0.1:8470, or unix:PATH"

// IsListen reports whether a text is an address for serve to listen on.
func IsListen(text string) bool {
	if path, isUnix := strings.CutPrefix(text, "unix:"); isUnix && path != "" {
		return true
	}
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	return err == nil && port != ""
}

func (d *decoder) host(n node) (string, bool) {
	return d.formed(n, "a host's name without scheme, port and path, like hooks.example.com", func(name string) bool {
		return name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
	})
}

// tokens reads the tokens. No two may contradict each other about a bearer or a client. Unknown values are not compared.
func (d *decoder) tokens(n node, s *Serve) {
	names, rates := map[[sha256.Size]byte]string{}, map[string]Rate{}
	for entry := range d.entries(n) {
		var t Token
		if !d.mapping(entry, &t) {
			continue
		}
		s.Tokens = append(s.Tokens, t)
		isKnown := d.isKnown(entry)
		if name, twice := names[t.SHA256]; twice {
			d.fail(entry.get("sha256"), "value.duplicate", "the token named %s has the same digest", strconv.Quote(name))
		} else if t.SHA256 != [sha256.Size]byte{} {
			names[t.SHA256] = t.Name
		}
		switch rate, twice := rates[t.Name]; {
		case !isKnown:
		case twice && rate != t.Rate:
			d.fail(entry, "value.duplicate", "another token named %s has another rate: a client has one rate", strconv.Quote(t.Name))
		default:
			rates[t.Name] = t.Rate
		}
	}
}

// sources are what ids and metrics call clients without a token, and files.
var sources = []string{"signed", "http", "follow", "unknown"}

func (d *decoder) tokenName(n node, t *Token) {
	if t.Name, _ = d.formedName(n); slices.Contains(sources, t.Name) {
		d.fail(n, "value.form", "want another name: in ids and metrics, %s stands for clients without a token, or for files", t.Name)
	}
}

func (d *decoder) tokenDigest(n node, text string, t *Token) {
	sum, err := hex.DecodeString(text)
	if err != nil || len(sum) != len(t.SHA256) {
		d.fail(n, "value.form", "want 64 hex digits: the token's SHA-256, not the token")
		return
	}
	copy(t.SHA256[:], sum)
}
