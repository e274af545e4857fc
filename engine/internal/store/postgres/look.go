package postgres

import (
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// look locks the lanes with an order. It reads the lanes, the known ids, and the keys for which a delivery waits. It returns false if the
// queue is full.
func (a *acceptance) look() bool {
	var keyed, locked, all []int
	ids, carried, tokens := []string{}, []string{}, []int{}
	var keys [][]byte
	for _, w := range a.wants {
		ids, all = append(ids, w.id), append(all, w.lane)
		if w.want.Past != nil && w.want.Past.Carried {
			carried, tokens = append(carried, w.id), append(tokens, max(1, w.want.Past.Token))
		}
		if w.key != nil {
			keyed, keys = append(keyed, w.lane), append(keys, w.key)
		}
		if w.key != nil || w.want.Dead != "" {
			locked = append(locked, w.lane)
		}
	}
	if len(keyed) > 0 {
		a.queue(`UPDATE awf_hook.lanes SET keyed = true WHERE id = ANY($1::int[]) AND NOT keyed`, keyed)
	}
	a.locked = a.lanesOf(locked, true)
	a.lanes = a.lanesOf(all, false)
	a.clock()
	a.readKnown(ids, carried, tokens)
	if len(keys) > 0 {
		a.readKeys(a.active, keyed, keys)
	}
	a.numbers(&a.seqs, len(a.wants))
	var total int64
	a.each(func(r *row) {
		l, bytes := a.lanes[r.Int()], r.Int64()
		total += bytes
		if l != nil {
			l.bytes = bytes
		}
	}, `SELECT c.lane, sum(c.bytes)::bigint FROM awf_hook.counts c JOIN awf_hook.lanes l ON l.id = c.lane WHERE `+ofNamespace+` GROUP BY 1`,
		a.store.opts.Namespace)
	if a.send() && total > a.store.opts.MaxSize {
		a.refuse(store.ErrFull)
	}
	for _, w := range a.wants {
		a.mustBe(a.lanes[w.lane], w.want.Webhook)
	}
	return a.err == nil
}

// readKnown queues reading which ids are in the database, and which of them this call added before its answer was lost. Those of deliveries
// that left the database and are carried back are not known: they have a higher token than the one with which they left.
func (a *acceptance) readKnown(ids, carried []string, tokens []int) {
	a.each(func(r *row) {
		id := r.Text()
		a.known[id] = r.Bool() || a.known[id]
	}, `SELECT id, true FROM awf_hook.deliveries WHERE id = ANY($1::text[])
  UNION ALL SELECT id, true FROM awf_hook.history WHERE id = ANY($1)
  UNION ALL SELECT id, false FROM awf_hook.ids i WHERE id = ANY($1) AND "until" > (SELECT pruned_at FROM awf_hook.meta)
    AND (i.token IS NULL OR NOT EXISTS (SELECT FROM unnest($2::text[], $3::int[]) c(id, token) WHERE c.id = i.id AND c.token > i.token))`,
		ids, carried, tokens)
	if !a.again {
		return
	}
	a.each(func(r *row) { a.mine[r.Text()] = scanRow(r) },
		`SELECT id, `+rowColumns+` FROM awf_hook.deliveries WHERE id = ANY($1::text[]) AND batch = $2`, ids, a.batch)
}
