//go:build wasip1

// A command in stock Go that reshapes by its configuration, in argv[1], and tries what it must not reach.
package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

func main() {
	var config struct{ Do string }
	if err := json.Unmarshal([]byte(os.Args[1]), &config); err != nil {
		fail(err)
	}
	in, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	var e map[string]any
	if err := json.Unmarshal(in, &e); err != nil {
		fail(err)
	}
	switch config.Do {
	case "drop":
		return
	case "panic":
		panic("on purpose")
	case "sleep":
		start := time.Now()
		time.Sleep(time.Hour)
		e["slept"] = time.Since(start).Round(time.Minute).String()
	case "reach":
		_, e["file"] = os.ReadFile("/etc/passwd")
		_, e["write"] = os.Create("x")
		_, e["dial"] = net.Dial("tcp", "127.0.0.1:80")
		for _, key := range []string{"file", "write", "dial"} {
			e[key] = e[key] != nil // true: it failed
		}
		e["environment"] = len(os.Environ())
		var b [16]byte
		rand.Read(b[:])
		e["random"] = fmt.Sprintf("%x", b)
	}
	e["time"] = time.Now().UTC().Format("2006-01-02")
	if err := json.NewEncoder(os.Stdout).Encode(e); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
