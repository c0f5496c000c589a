package dynamo

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
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
