package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/jackc/pgx/v5"
)

const (
	channel     = "awf_hook"
	coalesce    = 10 * time.Millisecond // between a node's notifications: each takes a server-wide lock at its commit
	probeWait   = 2 * time.Second       // for this node's own notification
	maxNotified = 6000                  // bytes of a payload; the server's limit is 8000
	again       = 5 * time.Second       // how soon to reconnect after a listening connection was lost
)

// tell notes lanes that other nodes should look at.
func (s *Store) tell(webhooks map[string]struct{}) {
	if len(webhooks) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.changed, webhooks)
	select {
	case s.notify <- struct{}{}:
	default:
	}
}

// told returns these lanes and empties the list.
func (s *Store) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	webhooks := slices.Sorted(maps.Keys(s.changed))
	clear(s.changed)
	return webhooks
}

// Watch implements [store.Store]. The channel is closed when ctx ends. If a pooler swallows the server's notifications,
// Watch logs that and returns nil: lanes are then polled.
func (s *Store) Watch(ctx context.Context) <-chan []string {
	conn, err := s.listen(ctx)
	if err != nil && ctx.Err() != nil {
		return nil
	}
	if err != nil {
		s.opts.Log.Warn("the queue's server sends no notifications, so lanes are polled", "err", inWords(err))
		return nil
	}
	changes := make(chan []string)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		s.send(ctx)
	}()
	go func() {
		defer close(changes)
		s.receive(ctx, conn, changes)
		<-sent
	}()
	return changes
}

// listen opens a connection that listens, and tests it with a notification.
func (s *Store) listen(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return nil, err
	}
	probe := "probe " + strconv.Itoa(s.node)
	if _, err = conn.Exec(ctx, `LISTEN `+channel); err == nil {
		err = s.tellAll(ctx, probe)
	}
	wait, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	for err == nil {
		n, waitErr := conn.WaitForNotification(wait)
		switch {
		case wait.Err() != nil:
			err = errors.New("this node's own notification did not arrive: is there a pooler in transaction mode in front of the server?")
		case waitErr != nil:
			err = waitErr
		case n.Payload == probe:
			return conn, nil
		}
	}
	_ = conn.Close(context.WithoutCancel(ctx))
	return nil, err
}

// receive passes on notifications from other nodes. It reconnects when the connection is lost.
func (s *Store) receive(ctx context.Context, conn *pgx.Conn, changes chan<- []string) {
	for ctx.Err() == nil {
		if conn == nil {
			if !sleep(ctx, again) {
				return
			}
			conn, _ = s.listen(ctx) // a failure shows in the store's next call
			continue
		}
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
			conn = nil
			continue
		}
		var said struct {
			Node     int      `json:"node"`
			Webhooks []string `json:"webhooks"`
		}
		if json.Unmarshal([]byte(n.Payload), &said) != nil || said.Node == s.node {
			continue
		}
		said.Webhooks = slices.DeleteFunc(said.Webhooks, s.isForeign)
		if len(said.Webhooks) == 0 {
			continue
		}
		select {
		case changes <- said.Webhooks:
		case <-ctx.Done():
		}
	}
	if conn != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
	}
}

// isForeign reports whether a webhook is of another namespace than the store's.
func (s *Store) isForeign(webhook string) bool {
	return s.opts.Namespace != "" && store.NamespaceOf(webhook) != s.opts.Namespace
}

// send notifies the other nodes, at most once per coalesce. If it fails they poll.
func (s *Store) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.notify:
		}
		if !sleep(ctx, coalesce) {
			return
		}
		for _, payload := range payloads(s.node, s.told()) {
			limited, cancel := context.WithTimeout(ctx, time.Second)
			_ = s.tellAll(limited, payload)
			cancel()
		}
	}
}

// tellAll notifies all nodes, in a transaction of its own.
func (s *Store) tellAll(ctx context.Context, payload string) error {
	return s.write(ctx, func(tx *tx) {
		tx.queue(`SELECT pg_notify($1, $2)`, channel, payload)
	})
}

// payloads returns the notifications for webhooks, each within the server's limit.
func payloads(node int, webhooks []string) (list []string) {
	for len(webhooks) > 0 {
		n, size := 0, 0
		for n < len(webhooks) && (n == 0 || size+len(webhooks[n]) < maxNotified) {
			size += len(webhooks[n])*2 + 3
			n++
		}
		text, _ := json.Marshal(map[string]any{"node": node, "webhooks": webhooks[:n]}) // texts always encode
		if len(text) <= maxNotified {
			list = append(list, string(text))
		}
		webhooks = webhooks[n:]
	}
	return list
}
