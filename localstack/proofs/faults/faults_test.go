package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/localstack/platform/wire"
)

// store does every call and keeps its body.
type store struct {
	done   []string
	answer string
}

func (s *store) do(c wire.Call) wire.Answer {
	s.done = append(s.done, string(c.Body))
	return wire.Answer{Status: http.StatusOK, Header: http.Header{"X-Amz-Crc32": {"1"}}, Body: []byte(s.answer)}
}

func quickInjector(seed uint64) (*Injector, *[]string) {
	var killed []string
	i := New(seed, func(f string) { killed = append(killed, f) })
	i.Short, i.Late, i.Patience = time.Millisecond, 30*time.Millisecond, 60*time.Millisecond
	return i, &killed
}

// campaign is the same calls of several functions in a random order.
func campaign(order *rand.Rand) []wire.Call {
	var sequences [][]wire.Call
	for _, f := range []string{"rollcall-enqueue", "rollcall-dispatch"} {
		for _, op := range []string{"DynamoDB.GetItem", "DynamoDB.UpdateItem", "AmazonSQS.SendMessage"} {
			var calls []wire.Call
			for n := range 200 {
				service, operation, _ := strings.Cut(op, ".")
				calls = append(calls, wire.Call{
					Service: service, Operation: operation, Function: f, ID: fmt.Sprint(op, n), Body: []byte("{}"),
				})
			}
			sequences = append(sequences, calls)
		}
	}
	var out []wire.Call
	for len(sequences) > 0 {
		n := order.IntN(len(sequences))
		out = append(out, sequences[n][0])
		if sequences[n] = sequences[n][1:]; len(sequences[n]) == 0 {
			sequences = slices.Delete(sequences, n, n+1)
		}
	}
	return out
}

// faultsOf are the faults of a campaign's calls.
func faultsOf(seed, order uint64) map[string]Kind {
	i, _ := quickInjector(seed)
	i.Arm(1e6)
	out := map[string]Kind{}
	for _, c := range campaign(rand.New(rand.NewPCG(order, 0))) {
		kind, _ := i.choose(c)
		out[c.Function+c.ID] = kind
	}
	return out
}

func TestFaultsDependOnTheSeedAlone(t *testing.T) {
	first := faultsOf(7, 1)
	if other := faultsOf(7, 2); fmt.Sprint(first) != fmt.Sprint(other) {
		t.Fatal("with the same seed, calls in another order got other faults")
	}
	if other := faultsOf(8, 1); fmt.Sprint(first) == fmt.Sprint(other) {
		t.Fatal("another seed gave every call the same fault")
	}
	seen := map[Kind]int{}
	for _, k := range first {
		seen[k]++
	}
	for _, k := range []Kind{Throttle, Error, Unreached, Delay, DoneError, LostReply, KillAfter, KillBefore} {
		if seen[k] == 0 {
			t.Errorf("%s never happened: %v", k, seen)
		}
	}
	if hung := seen[Hung] + seen[HungDone] + seen[HungLate]; hung == 0 || hung > 20 {
		t.Errorf("%d calls hung", hung)
	}
	for call, k := range first {
		if (k == LateReply || k == LateDone) && !strings.HasPrefix(call, slowFunction) {
			t.Errorf("%s was %s", call, k)
		}
	}
}

func TestEachKindDoesWhatItSays(t *testing.T) {
	put := wire.Call{Service: "DynamoDB", Operation: "PutItem", Function: "rollcall-enqueue", Body: []byte(`{"n":1}`)}
	for kind, want := range map[Kind]struct {
		done   int
		status int // 0: the caller gets no answer
		wait   time.Duration
		killed int
	}{
		"":         {1, 200, 0, 0},
		Throttle:   {0, 400, 0, 0},
		Error:      {0, 500, 0, 0},
		Unreached:  {0, 0, 0, 0},
		DoneError:  {1, 500, 0, 0},
		LostReply:  {1, 0, 0, 0},
		Delay:      {1, 200, 0, 0},
		LateReply:  {1, 200, 30 * time.Millisecond, 0},
		LateDone:   {1, 200, 30 * time.Millisecond, 0},
		Hung:       {0, 0, 60 * time.Millisecond, 0},
		HungDone:   {1, 0, 60 * time.Millisecond, 0},
		HungLate:   {1, 0, 60 * time.Millisecond, 0},
		Cancelled:  {0, 400, 0, 0},
		KillAfter:  {1, 0, 0, 1},
		KillBefore: {0, 0, 0, 1},
	} {
		i, killed := quickInjector(1)
		s := &store{answer: "{}"}
		start := time.Now()
		a := i.apply(t.Context(), kind, i.random("x"), put, s.do)
		if a.Drop {
			a.Status = 0
		}
		took := time.Since(start)
		if len(s.done) != want.done || a.Status != want.status || took < want.wait ||
			len(*killed) != want.killed {
			t.Errorf("%s: done %d times, answered %d after %s, killed %v", kind, len(s.done), a.Status, took, *killed)
		}
	}
}

// A late call is done before the delay or after it, as its kind says. A call that hangs
// ends when its caller gives up.
func TestWhenALateCallIsDone(t *testing.T) {
	i, _ := quickInjector(1)
	for kind, early := range map[Kind]bool{LateReply: true, LateDone: false, HungDone: true, HungLate: false} {
		start := time.Now()
		var at time.Duration
		i.apply(t.Context(), kind, i.random("x"), wire.Call{}, func(wire.Call) wire.Answer {
			at = time.Since(start)
			return wire.Answer{}
		})
		if early != (at < 20*time.Millisecond) {
			t.Errorf("%s was done after %s", kind, at)
		}
	}
	i.Patience = time.Minute
	gone, leave := context.WithCancel(t.Context())
	leave()
	start := time.Now()
	if i.apply(gone, Hung, i.random("x"), wire.Call{}, nil); time.Since(start) > time.Second {
		t.Error("a call still hung after its caller was gone")
	}
}

func TestABatchInPartLeavesItsLastEntryOut(t *testing.T) {
	i, _ := quickInjector(1)
	s := &store{answer: `{"Successful":[{"Id":"0"}]}`}
	send := wire.Call{Service: "AmazonSQS", Operation: "SendMessageBatch", Body: []byte(
		`{"QueueUrl":"q","Entries":[{"Id":"0","MessageBody":"a"},{"Id":"1","MessageBody":"b"}]}`)}
	a := i.apply(t.Context(), Partial, nil, send, s.do)
	if want := `{"Entries":[{"Id":"0","MessageBody":"a"}],"QueueUrl":"q"}`; len(s.done) != 1 || s.done[0] != want {
		t.Fatalf("forwarded %q", s.done)
	}
	var out struct {
		Successful, Failed []struct {
			ID string `json:"Id"`
		}
	}
	err := json.Unmarshal(a.Body, &out)
	if err != nil || len(out.Successful) != 1 || len(out.Failed) != 1 || out.Failed[0].ID != "1" ||
		a.Header.Get("X-Amz-Crc32") != "" {
		t.Fatalf("answered %s, %v, %v", a.Body, a.Header, err)
	}

	s.done = nil
	send.Body = []byte(`{"QueueUrl":"q","Entries":[{"Id":"0","MessageBody":"a"}]}`)
	a = i.apply(t.Context(), Partial, nil, send, s.do)
	if len(s.done) != 0 || !strings.Contains(string(a.Body), `"Failed":[{`) {
		t.Fatalf("a batch of one: forwarded %q, answered %s", s.done, a.Body)
	}

	s.answer = `{"Responses":{"t":[{"id":{"S":"a"}}]},"UnprocessedKeys":{}}`
	get := wire.Call{Service: "DynamoDB", Operation: "BatchGetItem", Body: []byte(
		`{"RequestItems":{"t":{"ConsistentRead":true,"Keys":[{"id":{"S":"a"}},{"id":{"S":"b"}}]}}}`)}
	a = i.apply(t.Context(), Partial, nil, get, s.do)
	want := `{"RequestItems":{"t":{"ConsistentRead":true,"Keys":[{"id":{"S":"a"}}]}}}`
	if len(s.done) != 1 || s.done[0] != want {
		t.Fatalf("forwarded %q", s.done)
	}
	want = `{"Responses":{"t":[{"id":{"S":"a"}}]},` +
		`"UnprocessedKeys":{"t":{"ConsistentRead":true,"Keys":[{"id":{"S":"b"}}]}}}`
	if string(a.Body) != want {
		t.Fatalf("answered %s", a.Body)
	}
}

func TestReceivedAgainIsOfTheSameQueue(t *testing.T) {
	i, _ := quickInjector(1)
	receive := func(q string) wire.Call {
		return wire.Call{
			Service: "AmazonSQS", Operation: "ReceiveMessage", Function: slowFunction,
			Body: []byte(`{"QueueUrl":"` + q + `"}`),
		}
	}
	s := &store{answer: `{"Messages":[{"ReceiptHandle":"1"}]}`}
	i.Layer(t.Context(), receive("a"), s.do)
	if !slices.Contains(i.kinds(receive("a")), Duplicate) || slices.Contains(i.kinds(receive("b")), Duplicate) {
		t.Fatal("offered for another queue, or not for its own")
	}
	if a := i.apply(t.Context(), Duplicate, nil, receive("a"), s.do); string(a.Body) != s.answer || len(s.done) != 1 {
		t.Fatalf("%s, done %d times", a.Body, len(s.done))
	}
}

func TestFailFunctionAndFailEveryTenth(t *testing.T) {
	i, _ := quickInjector(1)
	s := &store{answer: "{}"}
	get := wire.Call{Service: "DynamoDB", Operation: "GetItem", Function: "rollcall-sweeper"}
	i.FailFunction("rollcall-sweeper")
	if a := i.Layer(t.Context(), get, s.do); a.Status != 500 || len(s.done) != 0 || i.Made() != 0 {
		t.Fatalf("a failing function: %d, done %d times", a.Status, len(s.done))
	}
	i.FailFunction("")
	i.Arm(2)
	i.FailEveryTenth(true)
	failed := 0
	for range 40 {
		if i.Layer(t.Context(), get, s.do).Status == 500 {
			failed++
		}
	}
	if failed != 2 || len(s.done) != 40 || i.Made() != 2 || i.Remaining() != 0 {
		t.Fatalf("%d failed of %d done, %d made", failed, len(s.done), i.Made())
	}
}

// Writes are numbered within an invocation, the retries of a call are one write, and each
// place gets a kill when it was reached often enough.
func TestKillAtEachPlace(t *testing.T) {
	i, killed := quickInjector(1)
	i.Rate, i.Depth = 0, 3
	s := &store{answer: "{}"}
	write := func(invocation, call int) wire.Answer {
		return i.Layer(t.Context(), wire.Call{
			Service: "DynamoDB", Operation: "PutItem", Function: "rollcall-enqueue", Body: []byte("{}"),
			Invocation: fmt.Sprint("Root=", invocation), ID: fmt.Sprint(invocation, "-", call),
		}, s.do)
	}
	i.killed["rollcall-enqueue DynamoDB.PutItem"] = 1 // the kill at each operation is not tested here
	for n := range 5 {
		for call := range 4 {
			write(n, call)
			write(n, call) // a retry
		}
	}
	neverKilled := i.NeverKilledAfter(3, 5)
	if len(*killed) != 0 || len(neverKilled) != 3 || len(i.NeverKilledAfter(3, 6)) != 0 || i.PlacesReached() != 4 {
		t.Fatalf("unarmed: killed %v, spared %v, %d places", *killed, neverKilled, i.PlacesReached())
	}
	i.Arm(100)
	for n := range 5 {
		for call := range 4 {
			write(100+n, call)
		}
	}
	if neverKilled := i.NeverKilledAfter(3, 5); len(*killed) != 3 || len(neverKilled) != 0 {
		t.Fatalf("killed %v, spared %v", *killed, neverKilled)
	}
	if neverKilled := i.NeverKilledAfter(4, 5); len(neverKilled) != 1 || neverKilled[0] != (Place{"rollcall-enqueue", 4}) {
		t.Fatalf("beyond the depth: %v", neverKilled)
	}
	table := i.killTable()
	if len(table) != 1 || !strings.HasSuffix(table[0], "killed after write 1-3 of an invocation; never after 4") {
		t.Fatalf("%q", table)
	}
	i.Rate, i.Depth = 1, 4
	i.OnlyKillAfter(4)
	for call := range 8 {
		write(200, call)
	}
	if neverKilled := i.NeverKilledAfter(4, 5); len(*killed) != 4 || len(neverKilled) != 0 {
		t.Fatalf("killed %v, spared %v", *killed, neverKilled)
	}
	i.countKill("x", Place{"rollcall-enqueue", 0}) // before the first
	if table = i.killTable(); !strings.Contains(table[0], "write 0-4 of") {
		t.Fatalf("%q", table)
	}
	if got := ranges([]int{7, 1, 2, 3, 9, 10}); got != "1-3, 7, 9-10" {
		t.Fatal(got)
	}
}
