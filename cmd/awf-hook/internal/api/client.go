package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

const (
	callTimeout = time.Minute
	maxAnswer   = 64 << 20
)

// Client is the queue of another process's serve.
type Client struct {
	name  string // of the server, for errors: its host or its socket
	base  *url.URL
	token string
	http  http.Client
}

// Dial makes a client of the server at an address such as https://hooks.example.com, or at a socket file, unix:PATH. It
// connects on the first call. The token's role decides what the calls may do.
func Dial(address, token string) (*Client, error) {
	client := http.Client{Timeout: callTimeout}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // keep the token here
	if path, isSocket := strings.CutPrefix(address, "unix:"); isSocket && path != "" {
		client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}}
		return &Client{address, &url.URL{Scheme: "http", Host: "localhost"}, token, client}, nil
	}
	base, err := url.Parse(address)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, errors.New("want the address of a server, like https://hooks.example.com or unix:PATH")
	}
	return &Client{base.Host, base, token, client}, nil
}

// get makes a call that reads, and decodes the answer.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (answer T, err error) {
	at := c.base.JoinPath(path)
	at.RawQuery = query.Encode()
	err = c.do(ctx, http.MethodGet, at, nil, &answer)
	return answer, err
}

// change makes a call that changes something.
func change[T any](ctx context.Context, c *Client, path string, body any) (answer T, err error) {
	text, err := json.Marshal(body)
	if err == nil {
		err = c.do(ctx, http.MethodPost, c.base.JoinPath(path), bytes.NewReader(text), &answer)
	}
	return answer, err
}

// count makes a call that changes deliveries, and returns how many.
func (c *Client) count(ctx context.Context, path string, body any) (int, error) {
	answer, err := change[CountAnswer](ctx, c, path, body)
	return answer.Count, err
}

// do makes a call and decodes the answer.
func (c *Client) do(ctx context.Context, method string, at *url.URL, body io.Reader, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, at.String(), body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if failed, is := errors.AsType[*url.Error](err); is {
			err = failed.Err
		}
		return fmt.Errorf("%s: %w", c.name, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	if resp.StatusCode == http.StatusOK && jsonbytes.Scan(text, answer) == nil {
		return nil
	}
	return c.refused(resp, text)
}

// refused returns the error for an answer that refuses a call.
func (c *Client) refused(resp *http.Response, text []byte) error {
	var said failure
	if json.Unmarshal(text, &said) != nil || said.Error == "" {
		return fmt.Errorf("%s: %s, which is not an answer from awf-hook serve", c.name, resp.Status)
	}
	switch resp.StatusCode {
	case http.StatusNotFound:
		if id, isDelivery := strings.CutSuffix(said.Error, ": "+engine.ErrUnknown.Error()); isDelivery {
			return fmt.Errorf("%s: %w", id, engine.ErrUnknown)
		}
	case http.StatusUnauthorized:
		return fmt.Errorf("%s: %s: set a token in $AWF_HOOK_TOKEN", c.name, said.Error)
	}
	return fmt.Errorf("%s: %s", c.name, said.Error)
}

// List implements [Queue].
func (c *Client) List(ctx context.Context, f engine.Filter) ([]Item, error) {
	return pages(f.Before, f.Limit, func(before int64, limit int) ([]Item, int64, error) {
		f.Before, f.Limit = before, limit
		page, err := get[DeliveriesAnswer](ctx, c, "/v1/deliveries", Query(f))
		return page.Deliveries, page.Before, err
	})
}

// pages calls get for as many pages as hold n items; 0 is all.
func pages[T any](before int64, n int, get func(before int64, limit int) ([]T, int64, error)) (list []T, err error) {
	for {
		limit := maxLimit
		if n > 0 {
			limit = min(maxLimit, n-len(list))
		}
		page, next, err := get(before, limit)
		list = append(list, page...)
		if err != nil || next == 0 || len(list) == n {
			return list, err
		}
		before = next
	}
}

// Count implements [Queue].
func (c *Client) Count(ctx context.Context, f engine.Filter) (engine.Tally, error) {
	f.Limit = 0 // a count has none
	return get[engine.Tally](ctx, c, "/v1/count", Query(f))
}

// Groups implements [Queue].
func (c *Client) Groups(ctx context.Context, f engine.Filter, n int) ([]Group, error) {
	f.Limit = n
	answer, err := get[GroupsAnswer](ctx, c, "/v1/groups", Query(f))
	return answer.Groups, err
}

// Show implements [Queue].
func (c *Client) Show(ctx context.Context, id string) (*Detail, error) {
	return get[*Detail](ctx, c, "/v1/deliveries/"+url.PathEscape(id), nil)
}

// Webhooks implements [Queue].
func (c *Client) Webhooks(ctx context.Context) ([]Lane, error) {
	answer, err := get[WebhooksAnswer](ctx, c, "/v1/webhooks", nil)
	return answer.Webhooks, err
}

// Operations implements [Queue].
func (c *Client) Operations(ctx context.Context, before int64, n int) ([]engine.Operation, error) {
	return pages(before, n, func(before int64, limit int) ([]engine.Operation, int64, error) {
		page, err := get[OperationsAnswer](ctx, c, "/v1/operations", Query(engine.Filter{Before: before, Limit: limit}))
		return page.Operations, page.Before, err
	})
}

func selectionOf(f engine.Filter) Selection {
	s := Selection{Filter: map[string]string{}, All: f == engine.Filter{}}
	for name, values := range Query(f) {
		s.Filter[name] = values[0]
	}
	return s
}

// Replay implements [Queue].
func (c *Client) Replay(ctx context.Context, f engine.Filter, ch engine.Change) (int, error) {
	s := selectionOf(f)
	s.Retransform = ch.Retransform
	return c.count(ctx, "/v1/deliveries/replay", s)
}

// Delete implements [Queue].
func (c *Client) Delete(ctx context.Context, f engine.Filter) (int, error) {
	return c.count(ctx, "/v1/deliveries/delete", selectionOf(f))
}

// Move implements [Queue].
func (c *Client) Move(ctx context.Context, from, to string) (int, error) {
	return c.count(ctx, "/v1/deliveries/move", Handover{from, to})
}

// Enable implements [Queue].
func (c *Client) Enable(ctx context.Context, webhook string) (LaneAnswer, error) {
	return change[LaneAnswer](ctx, c, "/v1/webhooks/enable", LaneCall{Webhook: webhook})
}

// Disable implements [Queue].
func (c *Client) Disable(ctx context.Context, webhook, reason string) (LaneAnswer, error) {
	return change[LaneAnswer](ctx, c, "/v1/webhooks/disable", LaneCall{Webhook: webhook, Reason: reason})
}

// Pause implements [Queue].
func (c *Client) Pause(ctx context.Context, webhook string, rest time.Duration, reason string) (LaneAnswer, error) {
	return change[LaneAnswer](ctx, c, "/v1/webhooks/pause", LaneCall{webhook, reason, rest.String()})
}
