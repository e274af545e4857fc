package postgres_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/postgres"
	"github.com/awf-project/awf-hook/testdata/pgtest"
)

const secretWord = "hunter2/hunter2"

// selfSigned makes a certificate for 127.0.0.1 that signs itself, and its key.
func selfSigned(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encoded := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	return encoded("CERTIFICATE", der), encoded("PRIVATE KEY", keyDER)
}

// secured starts a server that wants passwords, with TLS, and roles that may do different things.
func secured(t *testing.T) (base string, cert []byte) {
	t.Helper()
	if server == nil {
		t.Skip(pgtest.ErrMissing)
	}
	own, err := pgtest.Start("fsync=off", "ssl=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	admin, err := own.Create("hooks")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range []string{
		`CREATE ROLE owner LOGIN PASSWORD '` + secretWord + `'`, `GRANT CREATE ON DATABASE hooks TO owner`,
		`CREATE ROLE guest LOGIN PASSWORD '` + secretWord + `'`,
		`CREATE ROLE late LOGIN PASSWORD '` + secretWord + `' VALID UNTIL '2020-01-01'`,
		`CREATE ROLE locked NOLOGIN PASSWORD '` + secretWord + `'`,
		`CREATE ROLE given LOGIN PASSWORD '` + secretWord + `'`,
		`CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'`,
		`CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'`,
		`CREATE DATABASE given`, `CREATE DATABASE newer`, `CREATE DATABASE bare`,
		`GRANT CREATE ON DATABASE latin TO owner; GRANT CREATE ON DATABASE ascii TO owner; GRANT CREATE ON DATABASE newer TO owner`,
	} {
		execSQL(t, admin, script)
	}
	execSQL(t, strings.Replace(admin, "/hooks", "/given", 1), `CREATE SCHEMA awf_hook AUTHORIZATION given`)
	execSQL(t, strings.Replace(admin, "/hooks", "/newer", 1),
		`CREATE SCHEMA awf_hook AUTHORIZATION owner; SET ROLE owner;
			CREATE TABLE awf_hook.meta(version int NOT NULL); INSERT INTO awf_hook.meta VALUES (99)`)
	cert, key := selfSigned(t)
	own.Kill()
	for name, text := range map[string]string{
		"server.crt": string(cert), "server.key": string(key),
		"pg_hba.conf": "host all awf 127.0.0.1/32 trust\nhost hooks,latin,ascii,given,newer,bare all 127.0.0.1/32 scram-sha-256\n",
	} {
		if err := own.Write(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := own.Configure("ssl=on"); err != nil {
		t.Fatal(err)
	}
	if err := own.Run(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", own.Port), cert
}

// fileOf writes a file that a URL or a variable names.
func fileOf(t *testing.T, mode os.FileMode, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// An error of the connection says what to do, and holds no secret.
func TestConnectionsInWords(t *testing.T) {
	at, cert := secured(t)
	_, port, _ := net.SplitHostPort(at)
	otherCert, _ := selfSigned(t)
	authority := fileOf(t, 0o600, string(cert))
	escaped := strings.ReplaceAll(secretWord, "/", "%2F")
	url := func(role, database, params string) string {
		return "postgres://" + role + ":" + escaped + "@" + at + "/" + database + "?" + params
	}
	passfile := func(mode os.FileMode, word string) string {
		return fileOf(t, mode, "127.0.0.1:"+port+":*:*:"+word+"\n")
	}
	services := fileOf(t, 0o600, "[hooks]\nhost=127.0.0.1\nport="+port+"\ndbname=hooks\nuser=owner\npassword="+secretWord+"\n")
	for _, tt := range []struct {
		name, url string
		env       [2]string
		want      []string // nothing is success
	}{
		{name: "a good password", url: url("owner", "hooks", "sslmode=disable")},
		{name: "a wrong password", url: "postgres://owner:wrong" + escaped + "@" + at + "/hooks",
			want: []string{"refuses the login", "check the password", "28P01"}},
		{name: "no password", url: "postgres://owner@" + at + "/hooks", want: []string{"refuses the login", "check the password"}},
		{name: "a role that has expired", url: url("late", "hooks", ""), want: []string{"refuses the login", "VALID UNTIL"}},
		{name: "a role without a login", url: url("locked", "hooks", ""),
			want: []string{"refuses the login", "not permitted to log in", "28000"}},
		{name: "an unknown role", url: url("nobody", "hooks", ""), want: []string{"refuses the login"}},
		{name: "an unknown database", url: "postgres://awf@" + at + "/none", want: []string{`"none" does not exist`, "createdb", "3D000"}},
		{name: "a database that pg_hba.conf refuses", url: url("owner", "postgres", ""), want: []string{"refuses the login", "pg_hba.conf"}},
		{name: "a role that may not make the schema", url: url("guest", "bare", ""),
			want: []string{"permission denied for database", "CREATE SCHEMA awf_hook AUTHORIZATION", "42501"}},
		{name: "a role without rights on the schema", url: url("guest", "hooks", ""),
			want: []string{"permission denied", "CREATE SCHEMA awf_hook AUTHORIZATION", "42501"}},
		{name: "a role that may not make the schema, which is there", url: url("given", "given", "")},
		{name: "a database in LATIN1", url: url("owner", "latin", ""), want: []string{"encoding is LATIN1", "createdb -E UTF8"}},
		{name: "a database in SQL_ASCII", url: url("owner", "ascii", ""), want: []string{"encoding is SQL_ASCII", "createdb -E UTF8"}},
		{name: "a schema that is newer", url: url("owner", "newer", ""), want: []string{"version 99", "upgrade awf-hook"}},
		{name: "the authority of another certificate",
			url:  url("owner", "hooks", "sslmode=verify-full&sslrootcert="+fileOf(t, 0o600, string(otherCert))),
			want: []string{"certificate", "sslrootcert=FILE"}},
		{name: "an unknown authority", url: url("owner", "hooks", "sslmode=verify-full"), want: []string{"certificate", "sslrootcert=FILE"}},
		{name: "another host's certificate",
			url:  strings.Replace(url("owner", "hooks", "sslmode=verify-full&sslrootcert="+authority), "127.0.0.1", "localhost", 1),
			want: []string{"certificate", "localhost"}},
		{name: "a good certificate", url: url("owner", "hooks", "sslmode=verify-full&sslrootcert="+authority)},
		{name: "a file of authorities that is not there", url: url("owner", "hooks", "sslmode=verify-full&sslrootcert=/none.pem"),
			want: []string{"/none.pem", "cannot be read"}},
		{name: "a password file", url: "postgres://owner@" + at + "/hooks", env: [2]string{"PGPASSFILE", passfile(0o600, secretWord)}},
		{name: "a password file in the URL", url: "postgres://owner@" + at + "/hooks?passfile=" + passfile(0o600, secretWord)},
		{name: "a password file that others read", url: "postgres://owner@" + at + "/hooks",
			env:  [2]string{"PGPASSFILE", passfile(0o644, secretWord)},
			want: []string{"others can read", "chmod 600"}},
		{name: "a password file with another password", url: "postgres://owner@" + at + "/hooks",
			env: [2]string{"PGPASSFILE", passfile(0o600, "wrong")}, want: []string{"check the password"}},
		{name: "a service", url: "postgres:///?service=hooks", env: [2]string{"PGSERVICEFILE", services}},
		{name: "an unknown service", url: "postgres:///?service=none", env: [2]string{"PGSERVICEFILE", services},
			want: []string{`service "none"`}},
		{name: "no service file", url: "postgres:///?service=hooks", env: [2]string{"PGSERVICEFILE", "/none"}, want: []string{`service "hooks"`}},
		{name: "a value that no parameter takes", url: url("owner", "hooks", "sslmode=hunter2&application_name=x"), want: []string{"sslmode"}},
		{name: "a number of connections that is none", url: url("owner", "hooks", "pool_max_conns=hunter2"), want: []string{"pool_max_conns"}},
		{name: "hosts of which none is there", url: "postgres://owner:" + escaped + "@127.0.0.1:1,127.0.0.1:2/hooks",
			want: []string{"127.0.0.1:1: connect: connection refused; 127.0.0.1:2: connect: connection refused"}},
		{name: "no standby", url: url("owner", "hooks", "target_session_attrs=standby"), want: []string{"not in hot standby mode"}},
		{name: "no socket", url: "postgres:///hooks?host=/none", want: []string{"/none/.s.PGSQL.5432: connect: no such file"}},
		{name: "the last of several hosts has no port", url: "postgres://owner@127.0.0.1:1,localhost/hooks", want: []string{"port for the last"}},
		{name: "a password that is not escaped", url: "postgres://owner:" + secretWord + "@" + at + "/hooks", want: []string{"%XX"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.env[0] != "" {
				t.Setenv(tt.env[0], tt.env[1])
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			s, err := postgres.Open(ctx, store.Options{Path: tt.url})
			if err == nil {
				_ = s.Close()
			}
			if (err == nil) != (len(tt.want) == 0) {
				t.Fatalf("Open = %v, want %q", err, tt.want)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Open = %v, want %q", err, want)
				}
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Open = %v shows the password", err)
			}
		})
	}
}

// The error says of each host of a URL why it cannot be used, and tells a server without TLS from one with a wrong certificate.
func TestHostsThatCannotBeUsed(t *testing.T) {
	good, err := url.Parse(database(t))
	if err != nil {
		t.Fatal(err)
	}
	at := good.Host
	for hosts, want := range map[string][]string{
		at:                                {"takes no TLS"},
		at + "," + at:                     {"takes no TLS"},
		at + ",127.0.0.1:1":               {at + ": the server takes no TLS", "127.0.0.1:1: connect: connection refused"},
		"127.0.0.1:1," + at:               {at + ": the server takes no TLS", "127.0.0.1:1: connect: connection refused"},
		at + ",none.invalid:1":            {"takes no TLS", "none.invalid"},
		"none.invalid:1,127.0.0.1:1":      {"none.invalid", "127.0.0.1:1: connect: connection refused"},
		"none.invalid:1,nobody.invalid:1": {"none.invalid", "nobody.invalid"},
	} {
		u := *good
		u.Host, u.RawQuery = hosts, "sslmode=require"
		_, err := postgres.Open(t.Context(), store.Options{Path: u.String(), Name: "the queue"})
		if err == nil {
			t.Fatalf("%s: opened", hosts)
		}
		for _, part := range want {
			if n := strings.Count(err.Error(), part); n != 1 {
				t.Errorf("%s: %q has %q %d times, want once", hosts, err, part, n)
			}
		}
	}
}

// A server that cannot hold a queue is refused.
func TestUnfitServers(t *testing.T) {
	for _, tt := range []struct {
		version          int
		commit, encoding string
		want             string
	}{
		{140000, "on", "UTF8", ""},
		{170002, "remote_apply", "UTF8", ""},
		{160001, "local", "UTF8", ""},
		{130021, "on", "UTF8", "PostgreSQL 13: awf-hook needs 14 or newer"},
		{90624, "on", "UTF8", "PostgreSQL 9: awf-hook needs 14 or newer"},
		{150018, "off", "UTF8", "synchronous_commit is off"},
		{150018, "on", "LATIN1", "encoding is LATIN1"},
	} {
		err := postgres.Unfit(tt.version, tt.commit, tt.encoding)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
