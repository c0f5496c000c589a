// Package faults makes AWS calls fail on the wire between functions and emulator, and
// kills functions. Which fault a call gets depends only on the seed and on the call's
// function, its operation and its number among the calls of both, so a campaign can be
// repeated.
package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/rollcall/rollcall/localstack/platform/wire"
)

// Kind is a kind of fault.
type Kind string

// The kinds. After DoneError and LostReply the caller can't know that the call was done.
const (
	Throttle   Kind = "throttled" // not done
	Error      Kind = "500, not done"
	Unreached  Kind = "hung up, not done"
	DoneError  Kind = "500, though done"
	LostReply  Kind = "reply lost" // though done
	Delay      Kind = "delayed"
	LateReply  Kind = "answered after the visibility timeout"
	LateDone   Kind = "done after the visibility timeout"
	Hung       Kind = "hung, not done" // no answer until the caller gives up
	HungDone   Kind = "hung, though done"
	HungLate   Kind = "hung, done after the caller gave up"
	Cancelled  Kind = "transaction conflict" // not done
	Partial    Kind = "batch done in part"   // all entries but the last
	Duplicate  Kind = "received again"       // a receive answers with an earlier message of its queue
	KillAfter  Kind = "killed after a write" // the function dies between this write and the next
	KillBefore Kind = "killed before a write"
)

// Place is where a function can be killed: after the K-th write of one invocation. With
// K = 0 it is before the first write.
type Place struct {
	Function string
	K        int
}

// killCount counts how often a function reached a place, and was killed there.
type killCount struct{ seen, killed int }

// slowFunction is the function whose calls are delayed beyond the visibility timeout: the
// one that claims messages for that time.
const slowFunction = "rollcall-dispatch"

// Injector makes the faults. It makes none until Arm.
type Injector struct {
	Seed uint64
	// Rate is the share of calls that get a fault.
	Rate float64
	// Hangs is the share of the faults that hang.
	Hangs float64
	// Short is the longest delay of Delay. Late is longer than the visibility timeout: it
	// is the shortest delay of LateReply and LateDone. Patience is longer than the callers'
	// timeouts: it is how long a call hangs.
	Short, Late, Patience time.Duration
	// Depth is up to which write of an invocation functions are killed on purpose. After
	// later writes they are killed by chance.
	Depth int
	// Kill ends a function's processes.
	Kill func(function string)

	mu            sync.Mutex
	armed         int            // faults still to be made
	everyTenth    bool           // only every tenth call gets a fault, DoneError
	onlyKillAfter int            // the only fault is KillAfter, up to this write; 0: all faults
	failing       string         // a function whose calls all fail
	counts        map[string]int // calls of a function's operation
	tally         map[Kind]int
	killed        map[string]int      // kills by operation
	writes        map[string][]string // the ids of the calls that wrote, by invocation
	places        map[Place]killCount
	received      map[string][]byte // the answer of an earlier receive, by queue
	made          int
}

// New makes an injector. Its delays fit a visibility timeout of 6 s and callers that give
// up after 8 s. kill ends a function's processes.
func New(seed uint64, kill func(string)) *Injector {
	return &Injector{
		Seed: seed, Rate: 0.04, Hangs: 0.06, Depth: 8, Kill: kill,
		Short: 2500 * time.Millisecond, Late: 7 * time.Second, Patience: 10 * time.Second,
		counts: map[string]int{}, tally: map[Kind]int{}, killed: map[string]int{},
		writes: map[string][]string{}, places: map[Place]killCount{}, received: map[string][]byte{},
	}
}

// Arm makes the next n faults due, instead of those that were.
func (i *Injector) Arm(n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.armed = n
}

// FailEveryTenth replaces all other faults by one: every tenth call is done and answered
// with an error.
func (i *Injector) FailEveryTenth(on bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.everyTenth = on
}

// OnlyKillAfter replaces all other faults by one: a function is killed after each of the
// first k writes of an invocation after which it was never killed before. 0 ends this.
func (i *Injector) OnlyKillAfter(k int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.onlyKillAfter = k
}

// FailFunction makes every call of a function fail; "" ends this.
func (i *Injector) FailFunction(function string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failing = function
}

// Remaining is how many faults are still due.
func (i *Injector) Remaining() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.armed
}

// Made is how many faults were made.
func (i *Injector) Made() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.made
}

// Layer is the wire.Layer that makes the faults.
func (i *Injector) Layer(ctx context.Context, c wire.Call, next wire.Forward) wire.Answer {
	kind, random := i.choose(c)
	return i.apply(ctx, kind, random, c, next)
}

// apply does what the kind says to a call; "" does nothing to it.
func (i *Injector) apply(
	ctx context.Context, kind Kind, random *rand.Rand, c wire.Call, next wire.Forward,
) wire.Answer {
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
		return wire.Fault(http.StatusInternalServerError, "InternalServerError", "though done")
	case LostReply:
		next(c)
		return wire.Answer{Drop: true}
	case Delay:
		time.Sleep(randomUpTo(random, i.Short))
		return next(c)
	case LateReply:
		a := next(c)
		time.Sleep(i.Late + randomUpTo(random, i.Late/10))
		return a
	case LateDone:
		time.Sleep(i.Late + randomUpTo(random, i.Late/10))
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
		return transactionConflict(c)
	case Partial:
		return partialSend(c, next)
	case Duplicate:
		i.mu.Lock()
		earlier := i.received[queue(c)]
		i.mu.Unlock()
		return answer(http.StatusOK, earlier)
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

func randomUpTo(random *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(d)))
}

// hang waits until the caller gives up, at most d.
func hang(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// transactionConflict answers that the first item of a transaction is in conflict.
func transactionConflict(c wire.Call) wire.Answer {
	var in struct{ TransactItems []json.RawMessage }
	_ = json.Unmarshal(c.Body, &in) // the SDK wrote it
	reasons := make([]map[string]string, len(in.TransactItems))
	for i := range reasons {
		reasons[i] = map[string]string{"Code": "None"}
	}
	if len(reasons) > 0 {
		reasons[0] = map[string]string{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
	}
	return answer(http.StatusBadRequest, encode(map[string]any{
		"__type":  "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
		"Message": "Transaction cancelled", "CancellationReasons": reasons,
	}))
}
