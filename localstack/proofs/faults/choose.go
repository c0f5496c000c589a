package faults

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"github.com/rollcall/rollcall/localstack/platform/wire"
)

// choose chooses the fault of a call; "" is none.
func (i *Injector) choose(c wire.Call) (Kind, *rand.Rand) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if c.Function == "" {
		return "", nil
	}
	at := i.placeOf(c)
	if c.Function == i.failing {
		return Error, nil
	}
	if i.armed <= 0 {
		return "", nil
	}
	what := c.Function + " " + describe(c)
	i.counts[what]++
	random := i.random(fmt.Sprint(what, " ", i.counts[what]))
	var kind Kind
	switch {
	case i.everyTenth:
		i.counts["all"]++
		if i.counts["all"]%10 != 0 {
			return "", nil
		}
		kind = DoneError
	case i.onlyKillAfter > 0:
		if at.K <= 0 || at.K > i.onlyKillAfter || i.places[at].killed > 0 {
			return "", nil
		}
		kind = KillAfter
	case c.Writes() && i.killed[what] == 0 && i.counts[what] >= 3+i.random(what).IntN(10), i.killIsDue(at):
		kind = KillAfter // after each write of each function at least once
	case random.Float64() >= i.Rate:
		return "", nil
	default:
		kinds := i.kinds(c)
		if random.Float64() < i.Hangs {
			kinds = []Kind{Hung, HungDone, HungLate}
		}
		kind = kinds[random.IntN(len(kinds))]
	}
	switch kind {
	case KillAfter:
		i.countKill(what, at)
	case KillBefore:
		at.K-- // it counts as after the write before
		i.countKill(what, at)
	}
	i.armed--
	i.made++
	i.tally[kind]++
	return kind, random
}

// random is a source of chance that depends only on the seed and on what is named.
func (i *Injector) random(what string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(what))
	return rand.New(rand.NewPCG(i.Seed, h.Sum64()))
}

// placeOf counts the writes of an invocation; the retries of a call are one write. K is
// below 0 if the call does not write, or if invocations can't be told apart.
func (i *Injector) placeOf(c wire.Call) Place {
	if !c.Writes() || c.Invocation == "" {
		return Place{c.Function, -1}
	}
	key := c.Function + " " + c.Invocation
	if n := slices.Index(i.writes[key], c.ID); n >= 0 {
		return Place{c.Function, n + 1}
	}
	i.writes[key] = append(i.writes[key], c.ID)
	at := Place{c.Function, len(i.writes[key])}
	seen := i.places[at]
	seen.seen++
	i.places[at] = seen
	return at
}

// killIsDue reports whether a function is to be killed after this write: at the second to
// seventh time that it gets there, or later if no fault was due then.
func (i *Injector) killIsDue(at Place) bool {
	c := i.places[at]
	return at.K > 0 && at.K <= i.Depth && c.killed == 0 && c.seen >= 2+i.random(fmt.Sprint(at)).IntN(6)
}

func (i *Injector) countKill(what string, at Place) {
	i.killed[what]++
	if at.K >= 0 {
		c := i.places[at]
		c.killed++
		i.places[at] = c
	}
}

// kinds are the faults that a call can get. A kind that is listed twice is twice as likely.
func (i *Injector) kinds(c wire.Call) []Kind {
	kinds := []Kind{Throttle, Error, Unreached, Delay}
	if c.Writes() {
		kinds = append(kinds, DoneError, LostReply, LostReply, KillAfter, KillAfter, KillBefore)
	}
	if c.Function == slowFunction {
		kinds = append(kinds, LateReply, LateDone)
	}
	switch {
	case c.Operation == "TransactWriteItems":
		kinds = append(kinds, Cancelled)
	case c.Operation == "SendMessageBatch", c.Operation == "BatchGetItem" && len(batchKeys(c)) > 1:
		kinds = append(kinds, Partial, Partial)
	case c.Operation == "ReceiveMessage" && i.received[queue(c)] != nil:
		kinds = append(kinds, Duplicate, Duplicate)
	}
	return kinds
}

// describe names a call. A write of a message is named by the state that it writes.
func describe(c wire.Call) string {
	name := c.Name()
	if c.Operation == "TransactWriteItems" {
		for _, state := range []string{"queued", "in_flight", "delivered", "dead", "expired", "cancelled"} {
			if bytes.Contains(c.Body, []byte(`"state":{"S":"`+state+`"}`)) {
				return name + " of a message " + state
			}
		}
	}
	return name
}
