package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/spf13/cobra"
)

const (
	topWindow = time.Minute // the longest time over which rates are computed
	topFirst  = time.Second // the time between the two looks of a snapshot
)

func (c *command) topCommand() *cobra.Command {
	var where queueFlags
	every := 2 * time.Second
	cmd := &cobra.Command{
		Use:  "top",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if every < 100*time.Millisecond {
				return errors.New("--interval: want at least 100ms")
			}
			return c.withQueue(&where, func(ctx context.Context, q openedQueue) error { return c.top(ctx, q, every, where.json) })
		},
	}
	where.add(cmd)
	cmd.Flags().DurationVar(&every, "interval", every, "how often to update")
	return cmd
}

// laneRate is a lane with its deliveries per minute.
type laneRate struct {
	api.Lane
	PerMinute float64 `json:"per_minute"`
}

// laneLook is how much the lanes had delivered at a time.
type laneLook struct {
	at        time.Time
	delivered map[string]int64 // by the webhook's identity
}

// topLooks holds the looks of the last minute, the oldest first.
type topLooks []laneLook

// add adds a look at the lanes. It returns them with their rates since the oldest look, the lane with the largest backlog first.
func (t *topLooks) add(at time.Time, lanes []api.Lane) []laneRate {
	now := laneLook{at, map[string]int64{}}
	for i := range lanes {
		now.delivered[lanes[i].Identity()] = lanes[i].Delivered
	}
	*t = slices.DeleteFunc(append(*t, now), func(l laneLook) bool { return at.Sub(l.at) > topWindow })
	oldest := (*t)[0]
	rates := make([]laneRate, len(lanes))
	for i := range lanes {
		l := &lanes[i]
		rates[i].Lane = *l
		if since := at.Sub(oldest.at); since > 0 { // a lane that did not exist had delivered nothing
			arrived := max(l.Delivered-oldest.delivered[l.Identity()], 0)
			rates[i].PerMinute = float64(arrived) / since.Minutes()
		}
	}
	slices.SortStableFunc(rates, func(a, b laneRate) int {
		return cmp.Or(cmp.Compare(b.Waiting, a.Waiting), cmp.Compare(a.Identity(), b.Identity()))
	})
	return rates
}

func (c *command) top(ctx context.Context, q openedQueue, every time.Duration, asJSON bool) error {
	var looks topLooks
	lookAgain := func(ctx context.Context) ([]laneRate, error) {
		lanes, err := q.Webhooks(ctx)
		return looks.add(time.Now(), lanes), err
	}
	if _, err := lookAgain(ctx); err != nil {
		return err
	}
	time.Sleep(min(topFirst, every))
	if asJSON {
		rates, err := lookAgain(ctx)
		printList(c.out, rates, true, nil)
		return err
	}
	show := newPrinter(c.out)
	return c.watch(ctx, every, func(ctx context.Context) (string, error) {
		rates, err := lookAgain(ctx)
		return show.lanes(engine.QueueName(q.file), rates), err
	})
}

// stateColours colour the states of lanes.
var stateColours = map[string]string{"failing": red, "resting": yellow, "closed": dim}

// lanes returns the picture that top draws.
func (p *printer) lanes(queue string, rates []laneRate) string {
	rows := [][]string{{"WEBHOOK", "STATE", "WAITING", "PER MINUTE", "DEAD", "NEXT", "LAST ERROR"}}
	waiting, dead, perMinute := 0, 0, 0.0
	name := api.NameOf(rates, func(l *laneRate) string { return l.Identity() })
	for i := range rates {
		l := &rates[i]
		waiting, dead, perMinute = waiting+l.Waiting, dead+l.Dead, perMinute+l.PerMinute
		rows = append(rows, []string{
			name(l.Identity()), l.State, strconv.Itoa(l.Waiting), rate(l.PerMinute), strconv.Itoa(l.Dead), nextOf(&l.LaneStatus),
			lastError(&l.LaneStatus),
		})
	}
	var b strings.Builder
	width := terminalWidth(p.out)
	for _, line := range []string{
		fmt.Sprintf("awf-hook %s  %s", time.Now().Format(time.TimeOnly), plain(queue)),
		fmt.Sprintf("lanes: %d, waiting: %d, dead: %d, delivered a minute: %s", len(rates), waiting, dead, rate(perMinute)), "",
	} {
		if width > 0 {
			line = cut(line, width)
		}
		b.WriteString(line + "\n")
	}
	for i, line := range tableLines(rows, width) {
		code := bold
		if i > 0 {
			code = stateColours[rates[i-1].State]
		}
		b.WriteString(p.colour(code, line) + "\n")
	}
	return b.String()
}

// rate formats deliveries per minute, with a fraction for small numbers.
func rate(perMinute float64) string {
	if perMinute > 0 && perMinute < 10 {
		return strconv.FormatFloat(perMinute, 'f', 1, 64)
	}
	return strconv.FormatFloat(perMinute, 'f', 0, 64)
}

// nextOf returns when a lane's next attempt is due.
func nextOf(l *engine.LaneStatus) string {
	next := l.Due
	if l.PausedUntil.After(next) {
		next = l.PausedUntil
	}
	switch {
	case l.Waiting == 0 || l.Closed != "" || next.IsZero():
		return ""
	case time.Until(next) < time.Second:
		return "now"
	}
	return "in " + time.Until(next).Round(time.Second).String()
}

// lastError says why a lane is closed, or why and when its last attempt failed.
func lastError(l *engine.LaneStatus) string {
	switch {
	case l.Closed != "":
		return l.Closed
	case l.LastError == "" || l.LastErrorAt.IsZero():
		return l.LastError
	}
	return fmt.Sprintf("%s, %v ago", l.LastError, time.Since(l.LastErrorAt).Round(time.Second))
}
