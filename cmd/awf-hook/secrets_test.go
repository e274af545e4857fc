package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Nothing of a secret, of a header's value or of a URL beyond its host reaches an output, whatever happens to the delivery.
func TestSecretsDoNotShow(t *testing.T) {
	const hidden = "hidden-0123456789"
	event := `{"event":"workflow_end","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{}}`
	good, _ := startListen(t)
	for _, answers := range []string{"200", "503", "400", "302", "reset", "slow:10s", "down"} {
		t.Run(answers, func(t *testing.T) {
			t.Parallel()
			url := "http://127.0.0.1:" + freePort()
			if answers != "down" {
				url, _ = startListen(t, "--respond", answers)
			}
			host := strings.TrimPrefix(url, "http://")
			config := writeConfig(t, `webhooks:
  - url: http://user:%[1]s@%[2]s/%[1]s?key=%[1]s
    secret: %[1]s
    headers: {X-Key: %[1]s}
    timeout: 200ms
    retry: {max_attempts: 2, delay: 10ms}
  - {name: good, url: %[3]q, secret: %[1]s}
`, hidden, host, good)
			out, talk := runHook(t, exitOK, strings.NewReader(event), "run", "-c", config, "--log-level", "debug")
			if said := out + talk; strings.Contains(said, "hidden") || !strings.Contains(said, "webhook=127.0.0.1-1") {
				t.Errorf("said %s", said)
			}
		})
	}
	// In a configuration's mistakes.
	for _, key := range []string{
		"url: 'ftp://h/%s'", "url: 'http://%s:x/'", "url: '%%zz%s'", "secret: 'whsec_%s!'", "timeout: ${HIDDEN}", "name: '${HIDDEN}#'",
		"headers: {X-Key: \"%s\\n\"}", "max_in_flight: ${HIDDEN}", "signing: ['${HIDDEN}']", "headers: {Host: '%s'}", "retry: {delay: '${HIDDEN}'}",
	} {
		t.Setenv("HIDDEN", hidden)
		if strings.Contains(key, "%s") {
			key = fmt.Sprintf(key, hidden)
		}
		config := writeConfig(t, "webhooks:\n  - %s\n", key)
		out, talk := runHook(t, exitConfig, strings.NewReader(""), "check", config)
		if strings.Contains(out+talk, "hidden") {
			t.Errorf("%s: said %s%s", key, out, talk)
		}
	}
}

// What a receiver sends unasked, net/http writes to the standard logger.
func TestUnaskedWordsOfAReceiverDoNotShow(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
				fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok%s", r.Header.Get("X-Key"))
			}
			time.Sleep(50 * time.Millisecond) // until it is read as an answer to nothing
			conn.Close()
		}
	}()
	config := writeConfig(t, "webhooks: [{url: 'http://%s/', headers: {X-Key: hidden-0123456789}}]", ln.Addr())
	event := `{"event":"workflow_end","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{}}` + "\n"
	out, talk := runHook(t, exitOK, strings.NewReader(event+event+event), "run", "-c", config, "--log-level", "debug")
	if said := out + talk; strings.Contains(said, "hidden") || strings.Contains(said, "Unsolicited") || !strings.Contains(said, "3 delivered") {
		t.Errorf("said %s", said)
	}
}
