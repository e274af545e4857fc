// Command bareclient is what awf-hook is measured against: a bare net/http loop that posts the lines of stdin.
// Usage: bareclient URL CONNECTIONS < LINES
package main

import (
	"bufio"
	"bytes"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
)

func main() {
	url := os.Args[1]
	connections, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}}
	bodies := make(chan []byte)
	var posting sync.WaitGroup
	for range connections {
		posting.Go(func() {
			for body := range bodies {
				res, err := client.Post(url, "application/json", bytes.NewReader(body))
				if err != nil {
					log.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		})
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		bodies <- bytes.Clone(lines.Bytes())
	}
	close(bodies)
	posting.Wait()
}
