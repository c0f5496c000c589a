package dynamo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A full page is just what DynamoDB takes in one transaction.
func TestAPageFillsATransaction(t *testing.T) {
	if n := 2*statuslog.PageSize + 2; n != maxWrites {
		t.Errorf("a page of %d changes has %d writes", statuslog.PageSize, n)
	}
}

// cancelling is a client that cancels each transaction, with these codes of its writes.
type cancelling struct {
	API
	codes []string
}

func (c cancelling) TransactWriteItems(
	context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	var reasons []types.CancellationReason
	for _, code := range c.codes {
		reasons = append(reasons, types.CancellationReason{Code: &code})
	}
	return nil, &types.TransactionCanceledException{CancellationReasons: reasons}
}

// The reasons of a cancelled transaction say which changes to take out. An emulator gives only some of these codes.
func TestTheReasonsNameWhatKeepsAPageFromBeingWritten(t *testing.T) {
	const none, failed, conflict = "None", "ConditionalCheckFailed", "TransactionConflict"
	page := []statuslog.Entry{
		{Next: workspace.Facts{Identity: workspace.Identity{ID: "a"}}, Change: statuslog.Change{Seq: 1}},
		{Next: workspace.Facts{Identity: workspace.Identity{ID: "b"}}, Change: statuslog.Change{Seq: 2}},
	}
	for name, c := range map[string]struct {
		codes []string // the facts of both, their histories, the log, its number
		lost  bool
		out   []int
		code  fault.Code
	}{
		"a workspace has changed":      {[]string{none, failed, none, none, none, none}, true, []int{1}, fault.Conflict},
		"a workspace is being changed": {[]string{conflict, none, none, none, none, none}, true, []int{0}, fault.Conflict},
		"both, and the number": {
			[]string{failed, conflict, none, none, none, failed}, true, []int{0, 1}, fault.Conflict,
		},
		"the number has moved": {[]string{none, none, none, none, none, failed}, true, nil, fault.Conflict},
		"the number is moving": {[]string{none, none, none, none, conflict, conflict}, true, nil, fault.Conflict},
		"nothing is said":      {nil, true, nil, fault.Conflict},
		"a history has no room": {
			[]string{none, none, none, "ItemCollectionSizeLimitExceeded", none, none}, true, []int{1}, fault.PlatformUnavailable,
		},
		"a lease can't be so": {
			[]string{"ValidationError", none, none, none, none, none}, true, []int{0}, fault.Internal,
		},
		"the log is throttled": {
			[]string{none, none, none, none, "ThrottlingError", none}, false, nil, fault.PlatformUnavailable,
		},
		"a lease, and its history": {[]string{failed, none, conflict, none, none, none}, true, []int{0}, fault.Conflict},
	} {
		s := &Store{DB: cancelling{codes: c.codes}}
		err := s.AddChanges(t.Context(), page)
		lost, ok := errors.AsType[*statuslog.Lost](err)
		if ok != c.lost || fault.CodeOf(err) != c.code || (ok && !slices.Equal(lost.Entries, c.out)) {
			t.Errorf("%s: %+v, %v", name, lost, err)
		}
	}
}

// Sweeps and calls that record at once on the real store leave a log without gaps, with each change once.
func TestWritersAtOnceLeaveALogWithoutGaps(t *testing.T) {
	const sweeps, each = 3, 60
	s := newStore(t)
	log := &statuslog.Log{Store: s, Policy: s.Policy, Clock: s.Clock}
	now := time.Now()
	create := func(n int) (out []workspace.Facts) {
		for range n {
			f := workspace.Facts{Identity: workspace.Identity{ID: uuid.NewString(), Version: 1, CreatedAt: now}}
			if err := s.Save(t.Context(), workspace.Facts{}, f, registry.SaveExtras{}); err != nil {
				t.Fatal(err)
			}
			out = append(out, f)
		}
		return out
	}
	shared := create(each) // each sweep sees these, and those of its own
	called := create(10)
	recorded := make([]int, sweeps)
	var g errgroup.Group
	for i := range sweeps {
		own := create(each)
		g.Go(func() (err error) {
			facts := slices.Concat(own, shared)
			recorded[i], err = log.RecordAll(t.Context(), facts, workspace.Fleet{}, now, s.Get)
			return err
		})
	}
	g.Go(func() error {
		for _, f := range called {
			log.RecordCall(t.Context(), f, now)
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	rest, err := log.RecordAll(t.Context(), called, workspace.Fleet{}, now, s.Get) // of calls that lost each try
	if err != nil {
		t.Fatal(err)
	}
	changes, err := s.Changes(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, c := range changes {
		if c.Seq != int64(i)+1 || c.WorkspaceSeq != 1 || seen[c.Workspace] {
			t.Fatalf("change %d is %+v", i+1, c)
		}
		seen[c.Workspace] = true
	}
	total := 0
	for _, n := range recorded {
		total += n
	}
	if want := (sweeps + 1) * each; total != want || len(changes) != want+len(called) {
		t.Errorf("%v and %d are recorded, the log has %d", recorded, rest, len(changes))
	}
}

// capturing is a client that keeps the writes of each transaction, and knows nothing else.
type capturing struct {
	API
	transactions [][]types.TransactWriteItem
}

func (*capturing) GetItem(
	context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options),
) (*dynamodb.GetItemOutput, error) {
	return &dynamodb.GetItemOutput{}, nil
}

func (*capturing) UpdateItem(
	context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options),
) (*dynamodb.UpdateItemOutput, error) {
	return &dynamodb.UpdateItemOutput{}, nil
}

func (c *capturing) TransactWriteItems(
	_ context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	c.transactions = append(c.transactions, in.TransactItems)
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

// However long the texts of changes are, and however badly they are compressed, a page keeps DynamoDB's limits.
func TestAPageKeepsTheLimits(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	for _, length := range []int{0, 500, 20_000, 50_000} {
		now := time.Now()
		var facts []workspace.Facts
		for i := range 2 * statuslog.PageSize {
			text := make([]byte, length)
			for j := range text {
				text[j] = byte(' ' + chance.IntN(94))
			}
			var f workspace.Facts
			f.ID, f.Version, f.CreatedAt, f.RegisteredAt = fmt.Sprint("w", i), 1, now, now
			f.HeartbeatAt, f.LeaseUntil = now, now.Add(time.Minute)
			f.ErrorsSince, f.SampleError = now.Add(-time.Hour), string(text)
			f.Credential = token.Digest("secret")
			facts = append(facts, f)
		}
		db := &capturing{}
		s := &Store{DB: db, Policy: workspace.DefaultPolicy(), Clock: clock.System{}, Retention: time.Hour}
		log := &statuslog.Log{Store: s, Policy: s.Policy, Clock: s.Clock}
		n, err := log.RecordAll(t.Context(), facts, workspace.Fleet{}, now, s.Get)
		if err != nil || n != len(facts) {
			t.Fatalf("texts of %d bytes: %d of %d are recorded, %v", length, n, len(facts), err)
		}
		for _, writes := range db.transactions {
			if err := checkSize(writes); err != nil {
				t.Errorf("texts of %d bytes: %v", length, err)
			}
			for _, w := range writes {
				if w.Put != nil && ItemSize(w.Put.Item) > maxItem {
					t.Errorf("texts of %d bytes: an item of %d", length, ItemSize(w.Put.Item))
				}
			}
		}
		if full := length <= 500; full != (len(db.transactions) == 2) {
			t.Errorf("texts of %d bytes: %d changes take %d transactions", length, n, len(db.transactions))
		}
	}
}
