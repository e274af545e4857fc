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

	"github.com/awf-project/awf-hook/engine/signature"
	"github.com/spf13/cobra"
)

func (c *command) verifyCommand() *cobra.Command {
	var flags signingFlags
	var headers string
	cmd := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Verify a request's signatures by hand",
		Long: `verify says for each scheme whose headers are there whether the signature is good. FILE (stdin without it) holds
a recorded request: as it went over the wire, or a line of "awf-hook listen --json" for each. With --headers it holds
a body, and the other file "Name: value" lines. Timestamps are judged at the time of --at; without it now, and for a line of
listen at the time when it came. The exit code is 1 if there is no signature or one is bad.`,
		Example: `  awf-hook verify request.txt
  awf-hook verify --headers headers body.json --at 1614265330`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.verify(flags, headers, args) },
	}
	cmd.Flags().StringSliceVar(&flags.schemes, "scheme", nil, "awf, standard, github, custom; those whose headers are there without it")
	cmd.Flags().StringVar(&headers, "headers", "", "a file of headers; FILE is the body then")
	flags.add(cmd)
	return cmd
}

// recorded is a request to verify.
type recorded struct {
	header http.Header
	body   []byte
	at     time.Time // when it came; zero if that is not known
}

func (c *command) verify(flags signingFlags, headers string, args []string) error {
	wanted := flags.schemes
	if wanted == nil {
		for _, s := range signature.Schemes {
			flags.schemes = append(flags.schemes, string(s))
		}
		if flags.custom.Header != "" {
			flags.schemes = append(flags.schemes, "custom")
		}
	}
	schemes, err := flags.parse()
	if err != nil {
		return err
	}
	at, err := flags.time()
	if err != nil {
		return err
	}
	text, err := c.readInput(args, maxSigned)
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
		prefix := ""
		if len(requests) > 1 {
			prefix = fmt.Sprintf("request %d: ", i+1)
		}
		good = c.verdicts(r, schemes, verdictOptions{prefix, flags.secrets, wanted != nil}) && good
	}
	if !good {
		return &exitError{code: exitFailure}
	}
	return nil
}

type verdictOptions struct {
	prefix  string // of each line
	secrets []string
	all     bool // also of schemes without a header
}

// verdicts prints what each scheme says, and says whether all is good.
func (c *command) verdicts(r recorded, schemes []scheme, o verdictOptions) bool {
	good, found := true, false
	for _, s := range schemes {
		err := s.verify(r.header, r.body, r.at, o.secrets...)
		if errors.Is(err, signature.ErrUnsigned) && !o.all {
			continue
		}
		found, good = true, good && err == nil
		fmt.Fprintf(c.out, "%s%s: %s\n", o.prefix, s.name, verdict(err))
	}
	if !found {
		fmt.Fprintf(c.out, "%sno signature\n", o.prefix)
	}
	return good && found
}

// requests reads what is to be verified.
func (c *command) requests(headers string, text []byte) ([]recorded, error) {
	if headers != "" {
		lines, err := c.readInput([]string{headers}, maxSigned)
		if err != nil {
			return nil, err
		}
		h, err := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(lines), bytes.NewReader([]byte("\r\n\r\n"))))).ReadMIMEHeader()
		if err != nil {
			return nil, fmt.Errorf("%s: want lines of the form Name: value", headers)
		}
		return []recorded{{header: http.Header(h), body: text}}, nil
	}
	if bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		return listened(text)
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		return nil, errors.New("no request: want one as it went over the wire, or lines of awf-hook listen --json")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("the request's body: %w", err)
	}
	return []recorded{{header: r.Header, body: body}}, nil
}

// listened reads the lines of "listen --json".
func listened(text []byte) ([]recorded, error) {
	var all []recorded
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var line receivedJSON
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("request %d: not a line of awf-hook listen --json", len(all)+1)
		}
		h := http.Header{}
		for name, value := range line.Header {
			h.Set(name, value)
		}
		all = append(all, recorded{h, []byte(line.Body), line.At})
	}
}
