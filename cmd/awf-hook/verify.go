package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/listen"
	"github.com/awf-project/awf-hook/engine/signature"
	"github.com/spf13/cobra"
)

func (c *command) verifyCommand() *cobra.Command {
	var flags signingFlags
	var headers string
	var asJSON bool
	cmd := &cobra.Command{
		Use:  "verify [FILE]",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.verify(flags, headers, asJSON, args) },
	}
	cmd.Flags().StringSliceVar(&flags.schemes, "scheme", nil,
		"the `SCHEME`: awf, standard, github, custom, or several with commas (default: those whose headers are present)")
	cmd.Flags().StringVar(&headers, "headers", "", "a `FILE` of headers; the argument is the body then")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each request")
	flags.add(cmd)
	return cmd
}

// recorded is a request to verify.
type recorded struct {
	header http.Header
	body   []byte
	at     time.Time // when it arrived; zero if unknown
}

func (c *command) verify(flags signingFlags, headers string, asJSON bool, args []string) error {
	wanted := flags.schemes
	if wanted == nil {
		for _, s := range signature.Schemes {
			flags.schemes = append(flags.schemes, string(s))
		}
		if flags.custom != (signature.Custom{}) {
			flags.schemes = append(flags.schemes, custom)
		}
	}
	at, err := flags.check()
	if err != nil {
		return err
	}
	text, err := c.readInput(first(args, ""), maxSigned)
	if err != nil {
		return failure(err)
	}
	requests, err := c.requests(headers, text)
	if err != nil {
		return failure(err)
	}
	good := len(requests) > 0
	for i, r := range requests {
		if !at.IsZero() {
			r.at = at
		} else if r.at.IsZero() {
			r.at = time.Now()
		}
		verified := flags.verdicts(r, wanted != nil)
		verified.Number = i + 1
		good = good && verified.OK
		if asJSON {
			encode(c.out, verified)
			continue
		}
		prefix := ""
		if len(requests) > 1 {
			prefix = fmt.Sprintf("request %d: ", i+1)
		}
		c.printVerdicts(&verified, prefix, flags.schemes)
	}
	if !good {
		return &exitError{code: exitFailure}
	}
	return nil
}

// verifiedJSON is the result for a request's signatures, as --json prints it.
type verifiedJSON struct {
	Number     int               `json:"number"`
	OK         bool              `json:"ok"`
	Signatures map[string]string `json:"signatures"`
}

// verdicts verifies a request under each scheme. A scheme whose headers are missing counts only if all is true.
func (f *signingFlags) verdicts(r recorded, all bool) verifiedJSON {
	v := verifiedJSON{OK: true, Signatures: map[string]string{}}
	for _, scheme := range f.schemes {
		err := f.verify(scheme, r)
		if errors.Is(err, signature.ErrUnsigned) && !all {
			continue
		}
		v.OK = v.OK && err == nil
		v.Signatures[scheme] = listen.Signature{Err: err}.String()
	}
	v.OK = v.OK && len(v.Signatures) > 0
	return v
}

// printVerdicts prints a line for each scheme, with a prefix.
func (c *command) printVerdicts(v *verifiedJSON, prefix string, schemes []string) {
	for _, scheme := range schemes {
		if found, has := v.Signatures[scheme]; has {
			fmt.Fprintf(c.out, "%s%s: %s\n", prefix, scheme, found)
		}
	}
	if len(v.Signatures) == 0 {
		fmt.Fprintf(c.out, "%sno signature\n", prefix)
	}
}

// requests reads the requests to verify.
func (c *command) requests(headers string, text []byte) ([]recorded, error) {
	if headers != "" {
		lines, err := c.readInput(headers, maxSigned)
		if err != nil {
			return nil, err
		}
		h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(lines, "\r\n\r\n"...)))).ReadMIMEHeader()
		if err != nil {
			return nil, fmt.Errorf("%s: want lines of the form Name: value", headers)
		}
		return []recorded{{header: http.Header(h), body: text}}, nil
	}
	if bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		return listened(text)
	}
	in := bufio.NewReader(bytes.NewReader(text))
	r, err := http.ReadRequest(in)
	if err != nil {
		return nil, errors.New("no request: want one as it went over the wire, or lines of awf-hook listen --json")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("the request's body: %w", err)
	}
	rest, _ := io.ReadAll(in) // memory has no errors
	switch {
	case r.ContentLength == 0 && r.Header.Get("Content-Length") == "" && len(r.TransferEncoding) == 0:
		body = rest // somebody left out the header
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, fmt.Errorf("the request's body is longer than the %d bytes of its Content-Length", len(body))
	}
	return []recorded{{header: r.Header, body: body}}, nil
}

// listened reads the lines of "listen --json".
func listened(text []byte) ([]recorded, error) {
	var all []recorded
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var line struct {
			At      time.Time         `json:"at"`
			Headers map[string]string `json:"headers"`
			Body    string            `json:"body"`
		}
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("request %d: not a line of awf-hook listen --json", len(all)+1)
		}
		h := http.Header{}
		for name, value := range line.Headers {
			h.Set(name, value)
		}
		all = append(all, recorded{h, []byte(line.Body), line.At})
	}
}
