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
	"sync"
	"time"

	"github.com/rollcall/rollcall/localstack/wire"
)

// Kind is a way to spoil a call.
type Kind string

// The kinds.
const (
	Throttle   Kind = "throttled"            // not done
	Error      Kind = "500, not done"        //
	Unreached  Kind = "hung up, not done"    //
	DoneError  Kind = "500, though done"     // the caller can't know
	LostReply  Kind = "reply lost"           // done; likewise
	Delay      Kind = "delayed"              //
	Cancelled  Kind = "transaction conflict" // not done
	Partial    Kind = "batch failed in part" // entries of a batch refused
	Duplicate  Kind = "received again"       // a receive answers with an earlier message
	KillAfter  Kind = "killed after a write" // the function, between this write and the next
	KillBefore Kind = "killed before a write"
)

// Injector is the layer. It spoils nothing until Arm.
type Injector struct {
	Seed uint64
	// Rate is the share of calls that are spoiled.
	Rate float64
	// Kill ends a function's processes.
	Kill func(function string)

	mu       sync.Mutex
	armed    int            // faults still to be made
	tenth    bool           // every tenth call is done and answered 500, and nothing else happens
	deaf     string         // a function whose every call fails
	counts   map[string]int // calls of a function's operation
	tally    map[Kind]int
	killed   map[string]int // after which writes
	received []byte         // an earlier receive's answer
	made     int
}

// New makes an injector.
func New(seed uint64, kill func(string)) *Injector {
	return &Injector{Seed: seed, Rate: 0.08, Kill: kill, counts: map[string]int{}, tally: map[Kind]int{}, killed: map[string]int{}}
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
	return out
}

// Layer is the wire.Layer.
func (i *Injector) Layer(ctx context.Context, c wire.Call, next func() wire.Answer) wire.Answer {
	kind, rng := i.choose(c)
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
		next()
		return wire.Fault(http.StatusInternalServerError, "InternalServerError", "done all the same")
	case LostReply:
		a := next()
		a.Drop = true
		return a
	case Delay:
		time.Sleep(time.Duration(rng.IntN(2500)) * time.Millisecond)
		return next()
	case Cancelled:
		return cancelled(c)
	case Partial:
		return partial(c, next)
	case Duplicate:
		i.mu.Lock()
		earlier := i.received
		i.mu.Unlock()
		return wire.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: earlier}
	case KillAfter:
		a := next()
		i.Kill(c.Function)
		a.Drop = true
		return a
	case KillBefore:
		i.Kill(c.Function)
		return wire.Answer{Drop: true}
	}
	a := next()
	if c.Name() == "AmazonSQS.ReceiveMessage" && bytes.Contains(a.Body, []byte("ReceiptHandle")) {
		i.mu.Lock()
		i.received = a.Body
		i.mu.Unlock()
	}
	return a
}

// choose decides the fate of a call; "" leaves it alone.
func (i *Injector) choose(c wire.Call) (Kind, *rand.Rand) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if c.Function == "" {
		return "", nil
	}
	if c.Function == i.deaf {
		return Error, nil
	}
	if i.armed <= 0 {
		return "", nil
	}
	what := c.Function + " " + describe(c)
	i.counts[what]++
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", what, i.counts[what])
	rng := rand.New(rand.NewPCG(i.Seed, h.Sum64()))
	var kind Kind
	switch {
	case i.tenth:
		i.counts["all"]++
		if i.counts["all"]%10 != 0 {
			return "", nil
		}
		kind = DoneError
	case c.Writes() && i.killed[what] == 0 && i.counts[what] > 2:
		kind = KillAfter // each write of each function at least once
	case rng.Float64() >= i.Rate:
		return "", nil
	default:
		kinds := []Kind{Throttle, Error, Unreached, Delay}
		if c.Writes() {
			kinds = append(kinds, DoneError, LostReply, LostReply, KillAfter, KillAfter, KillBefore)
		}
		switch {
		case c.Operation == "TransactWriteItems":
			kinds = append(kinds, Cancelled)
		case c.Operation == "SendMessageBatch":
			kinds = append(kinds, Partial)
		case c.Operation == "ReceiveMessage" && i.received != nil:
			kinds = append(kinds, Duplicate)
		}
		kind = kinds[rng.IntN(len(kinds))]
	}
	if kind == KillAfter || kind == KillBefore {
		i.killed[what]++
	}
	i.armed--
	i.made++
	i.tally[kind]++
	return kind, rng
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

// partial does the batch, and says that its last entry failed.
func partial(c wire.Call, next func() wire.Answer) wire.Answer {
	a := next()
	var out struct {
		Successful []map[string]any `json:"Successful"`
		Failed     []map[string]any `json:"Failed"`
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &out) != nil || len(out.Successful) == 0 {
		return a
	}
	last := out.Successful[len(out.Successful)-1]
	out.Successful = out.Successful[:len(out.Successful)-1]
	out.Failed = append(out.Failed, map[string]any{"Id": last["Id"], "Code": "InternalError", "SenderFault": false})
	a.Body, _ = json.Marshal(out) // what was just decoded
	return a
}
