// Package faults spoils AWS calls on the wire between functions and emulator, by
// a seed. What happens to the n-th call of one function's operation depends on
// the seed and on these alone, so a campaign can be played again.
package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rollcall/rollcall/localstack/platform/wire"
)

// Kind is a way to spoil a call.
type Kind string

// The kinds.
const (
	Throttle   Kind = "throttled"         // not done
	Error      Kind = "500, not done"     //
	Unreached  Kind = "hung up, not done" //
	DoneError  Kind = "500, though done"  // the caller can't know
	LostReply  Kind = "reply lost"        // done; likewise
	Delay      Kind = "delayed"           //
	LateReply  Kind = "answered after the visibility timeout"
	LateDone   Kind = "done after the visibility timeout"
	Hung       Kind = "hung, not done" // no answer until the caller gives up
	HungDone   Kind = "hung, though done"
	HungLate   Kind = "hung, done after the caller gave up"
	Cancelled  Kind = "transaction conflict" // not done
	Partial    Kind = "batch done in part"   // all but its last entry
	Duplicate  Kind = "received again"       // a receive answers with an earlier message of its queue
	KillAfter  Kind = "killed after a write" // the function, between this write and the next
	KillBefore Kind = "killed before a write"
)

// Write is a place a function can be killed at: after the K-th write of one
// invocation. 0 is before the first.
type Write struct {
	Function string
	K        int
}

// cell counts how often a function came to a place, and was killed there.
type cell struct{ seen, killed int }

// slow is the function whose calls are delayed beyond the visibility timeout: the
// one that holds messages under it.
const slow = "rollcall-dispatch"

// Injector is the layer. It spoils nothing until Arm.
type Injector struct {
	Seed uint64
	// Rate is the share of calls that are spoiled.
	Rate float64
	// Hangs is the share of those that hang.
	Hangs float64
	// A call is delayed by up to Short, or by Late, which is beyond the visibility
	// timeout, and a little more; or it hangs for Patience, which is beyond the
	// callers'.
	Short, Late, Patience time.Duration
	// Depth is up to which write of an invocation functions are killed on purpose;
	// after the others by luck.
	Depth int
	// Kill ends a function's processes.
	Kill func(function string)

	mu       sync.Mutex
	armed    int            // faults still to be made
	tenth    bool           // every tenth call is done and answered 500, and nothing else happens
	only     int            // functions are killed after writes up to this one, and nothing else happens
	deaf     string         // a function whose every call fails
	counts   map[string]int // calls of a function's operation
	tally    map[Kind]int
	killed   map[string]int      // at which operations
	writes   map[string][]string // the calls that wrote, in order, by invocation
	matrix   map[Write]cell
	received map[string][]byte // an earlier receive's answer, by queue
	made     int
}

// New makes an injector. Its delays suit a visibility timeout of 6 s, and callers
// that give up after 8 s.
func New(seed uint64, kill func(string)) *Injector {
	return &Injector{
		Seed: seed, Rate: 0.04, Hangs: 0.06, Short: 2500 * time.Millisecond, Late: 7 * time.Second, Patience: 10 * time.Second, Depth: 8, Kill: kill,
		counts: map[string]int{}, tally: map[Kind]int{}, killed: map[string]int{}, writes: map[string][]string{}, matrix: map[Write]cell{}, received: map[string][]byte{},
	}
}

// Arm lets it make n more faults.
func (i *Injector) Arm(n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.armed = n
}

// Tenth makes it answer every tenth call with an error after having done it,
// instead of all else, for the faults that are left.
func (i *Injector) Tenth(on bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tenth = on
}

// Only makes it kill each function after those of the first k writes of an
// invocation after which it never was, instead of all else; 0 ends it.
func (i *Injector) Only(k int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.only = k
}

// Deafen makes every call of a function fail; "" ends it.
func (i *Injector) Deafen(function string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.deaf = function
}

// Left is how many faults are still to be made.
func (i *Injector) Left() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.armed
}

// Made is how many were made.
func (i *Injector) Made() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.made
}

// Report tells what was tried.
func (i *Injector) Report() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out []string
	for _, k := range slices.Sorted(maps.Keys(i.tally)) {
		out = append(out, fmt.Sprintf("%4d  %s", i.tally[k], k))
	}
	for _, w := range slices.Sorted(maps.Keys(i.killed)) {
		out = append(out, fmt.Sprintf("%4d  killed at %s", i.killed[w], w))
	}
	return append(out, i.table()...)
}

// table has a line for each function: after which writes of an invocation it was
// killed, and after which never.
func (i *Injector) table() []string {
	killed, spared := map[string][]int{}, map[string][]int{}
	for w, c := range i.matrix {
		by := killed
		if c.killed == 0 {
			by = spared
		}
		by[w.Function] = append(by[w.Function], w.K)
	}
	var out []string
	for _, f := range []string{"dispatch", "enqueue", "heartbeat", "inbox", "operate", "register", "status", "sweeper"} {
		name := "rollcall-" + f
		if len(killed[name])+len(spared[name]) > 0 {
			out = append(out, fmt.Sprintf("%-18s killed after write %s of an invocation; never after %s", name, ranges(killed[name]), ranges(spared[name])))
		}
	}
	return out
}

// ranges writes numbers as people do: 1-4, 7.
func ranges(ns []int) string {
	slices.Sort(ns)
	var out []string
	for at := 0; at < len(ns); {
		end := at
		for end+1 < len(ns) && ns[end+1] == ns[end]+1 {
			end++
		}
		text := strconv.Itoa(ns[at])
		if end > at {
			text += "-" + strconv.Itoa(ns[end])
		}
		out, at = append(out, text), end+1
	}
	if out == nil {
		return "none"
	}
	return strings.Join(out, ", ")
}

// Spared are the writes up to the k-th of an invocation that a function came to
// at least so many times, and was never killed after.
func (i *Injector) Spared(k, times int) []Write {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out []Write
	for w, c := range i.matrix {
		if w.K <= k && c.seen >= times && c.killed == 0 {
			out = append(out, w)
		}
	}
	return out
}

// Writes is how many places to be killed at were seen.
func (i *Injector) Writes() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.matrix)
}

// Layer is the wire.Layer.
func (i *Injector) Layer(ctx context.Context, c wire.Call, next func(wire.Call) wire.Answer) wire.Answer {
	kind, rng := i.choose(c)
	return i.spoil(ctx, kind, rng, c, next)
}

func (i *Injector) spoil(ctx context.Context, kind Kind, rng *rand.Rand, c wire.Call, next func(wire.Call) wire.Answer) wire.Answer {
	switch kind {
	case Throttle:
		if c.Service == "DynamoDB" {
			return wire.Fault(http.StatusBadRequest, "ProvisionedThroughputExceededException", "slow down")
		}
		return wire.Fault(http.StatusServiceUnavailable, "ThrottlingException", "slow down")
	case Error:
		return wire.Fault(http.StatusInternalServerError, "InternalServerError", "not done")
	case Unreached:
		return wire.Answer{Drop: true}
	case DoneError:
		next(c)
		return wire.Fault(http.StatusInternalServerError, "InternalServerError", "done all the same")
	case LostReply:
		next(c)
		return wire.Answer{Drop: true}
	case Delay:
		time.Sleep(within(rng, i.Short))
		return next(c)
	case LateReply:
		a := next(c)
		time.Sleep(i.Late + within(rng, i.Late/10))
		return a
	case LateDone:
		time.Sleep(i.Late + within(rng, i.Late/10))
		return next(c)
	case Hung:
		hang(ctx, i.Patience)
		return wire.Answer{Drop: true}
	case HungDone:
		next(c)
		hang(ctx, i.Patience)
		return wire.Answer{Drop: true}
	case HungLate:
		hang(ctx, i.Patience)
		next(c)
		return wire.Answer{Drop: true}
	case Cancelled:
		return cancelled(c)
	case Partial:
		return partial(c, next)
	case Duplicate:
		i.mu.Lock()
		earlier := i.received[queue(c)]
		i.mu.Unlock()
		return wire.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: earlier}
	case KillAfter:
		next(c)
		i.Kill(c.Function)
		return wire.Answer{Drop: true}
	case KillBefore:
		i.Kill(c.Function)
		return wire.Answer{Drop: true}
	}
	a := next(c)
	if c.Name() == "AmazonSQS.ReceiveMessage" && bytes.Contains(a.Body, []byte("ReceiptHandle")) {
		i.mu.Lock()
		i.received[queue(c)] = a.Body
		i.mu.Unlock()
	}
	return a
}

func within(rng *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(rng.Int64N(int64(d)))
}

// hang waits until the caller gives up, or that long.
func hang(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// choose decides the fate of a call; "" leaves it alone.
func (i *Injector) choose(c wire.Call) (Kind, *rand.Rand) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if c.Function == "" {
		return "", nil
	}
	at := i.number(c)
	if c.Function == i.deaf {
		return Error, nil
	}
	if i.armed <= 0 {
		return "", nil
	}
	what := c.Function + " " + describe(c)
	i.counts[what]++
	rng := i.rng(fmt.Sprint(what, " ", i.counts[what]))
	var kind Kind
	switch {
	case i.tenth:
		i.counts["all"]++
		if i.counts["all"]%10 != 0 {
			return "", nil
		}
		kind = DoneError
	case i.only > 0:
		if at.K <= 0 || at.K > i.only || i.matrix[at].killed > 0 {
			return "", nil
		}
		kind = KillAfter
	case c.Writes() && i.killed[what] == 0 && i.counts[what] >= 3+i.rng(what).IntN(10), i.due(at):
		kind = KillAfter // each write of each function at least once
	case rng.Float64() >= i.Rate:
		return "", nil
	default:
		kinds := i.kinds(c)
		if rng.Float64() < i.Hangs {
			kinds = []Kind{Hung, HungDone, HungLate}
		}
		kind = kinds[rng.IntN(len(kinds))]
	}
	switch kind {
	case KillAfter:
		i.kill(what, at)
	case KillBefore:
		at.K-- // after the write before
		i.kill(what, at)
	}
	i.armed--
	i.made++
	i.tally[kind]++
	return kind, rng
}

// rng is the luck of what is named, by the seed.
func (i *Injector) rng(what string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(what))
	return rand.New(rand.NewPCG(i.Seed, h.Sum64()))
}

// number is which write of its invocation a call is; its further tries are the
// same one. K is below 0 when it is none, or nothing tells invocations apart.
func (i *Injector) number(c wire.Call) Write {
	if !c.Writes() || c.Invocation == "" {
		return Write{c.Function, -1}
	}
	key := c.Function + " " + c.Invocation
	if n := slices.Index(i.writes[key], c.ID); n >= 0 {
		return Write{c.Function, n + 1}
	}
	i.writes[key] = append(i.writes[key], c.ID)
	at := Write{c.Function, len(i.writes[key])}
	seen := i.matrix[at]
	seen.seen++
	i.matrix[at] = seen
	return at
}

// due tells whether a function is to be killed after this write: at the second
// to seventh time it comes there, or as soon after as faults are made.
func (i *Injector) due(at Write) bool {
	c := i.matrix[at]
	return at.K > 0 && at.K <= i.Depth && c.killed == 0 && c.seen >= 2+i.rng(fmt.Sprint(at)).IntN(6)
}

func (i *Injector) kill(what string, at Write) {
	i.killed[what]++
	if at.K >= 0 {
		c := i.matrix[at]
		c.killed++
		i.matrix[at] = c
	}
}

// kinds are the ways to spoil a call, each as often as it stands there.
func (i *Injector) kinds(c wire.Call) []Kind {
	kinds := []Kind{Throttle, Error, Unreached, Delay}
	if c.Writes() {
		kinds = append(kinds, DoneError, LostReply, LostReply, KillAfter, KillAfter, KillBefore)
	}
	if c.Function == slow {
		kinds = append(kinds, LateReply, LateDone)
	}
	switch {
	case c.Operation == "TransactWriteItems":
		kinds = append(kinds, Cancelled)
	case c.Operation == "SendMessageBatch", c.Operation == "BatchGetItem" && len(keys(c)) > 1:
		kinds = append(kinds, Partial, Partial)
	case c.Operation == "ReceiveMessage" && i.received[queue(c)] != nil:
		kinds = append(kinds, Duplicate, Duplicate)
	}
	return kinds
}

// describe names a call, a write of a message by the state it writes.
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

func cancelled(c wire.Call) wire.Answer {
	var in struct{ TransactItems []json.RawMessage }
	_ = json.Unmarshal(c.Body, &in) // the SDK wrote it
	reasons := make([]map[string]string, len(in.TransactItems))
	for i := range reasons {
		reasons[i] = map[string]string{"Code": "None"}
	}
	if len(reasons) > 0 {
		reasons[0] = map[string]string{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
	}
	body, _ := json.Marshal(map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "Message": "Transaction cancelled", "CancellationReasons": reasons})
	return wire.Answer{Status: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: body}
}
