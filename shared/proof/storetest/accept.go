package storetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// accepts is Ledger.Count, Ledger.Uncount and Ledger.Put.
func (c contract) accepts(t T) {
	t.Run("it numbers without gaps", func(t T) {
		f, ms := c.withMail(t, 3)
		if f.Accepted != 3 || f.Open != 3 || !f.OldestOpen.Equal(t0.Add(time.Second)) || ms[2].Seq != 3 {
			t.Fatalf("%+v", f)
		}
	})
	t.Run("a count changes the mailbox, and nothing else", func(t T) {
		f := c.created(t)
		for n := range int64(2) {
			at := t0.Add(time.Duration(n) * time.Second)
			got, counted, err := c.Count(t.Context(), f.ID, at, n == 0, manyOpen)
			must(t, err)
			f.Accepted, f.Open, f.OldestOpen, f.ProbedAt, f.CountedAt = n+1, n+1, t0, t0, at
			same(t, true, counted)
			same(t, f, got)
			same(t, f, c.read(t, f.ID))
		}
	})
	t.Run("a count that is taken back leaves its number unused", func(t T) {
		f := c.created(t)
		for n := range int64(3) {
			_, _, err := c.Count(t.Context(), f.ID, t0, false, manyOpen)
			must(t, err)
			f.Accepted, f.CountedAt = n+1, t0
		}
		for n := range int64(4) { // once more than there are
			must(t, c.Uncount(t.Context(), f.Life()))
			f.Open, f.Unused, f.OldestOpen = max(0, 2-n), min(n+1, 3), t0
			if f.Open == 0 {
				f.OldestOpen = time.Time{}
			}
			got := c.read(t, f.ID)
			same(t, f, got)
			same(t, true, got.Conserved())
		}
	})
	t.Run("a workspace that is unknown, removed or full takes nothing", c.takesNothing)
	t.Run("a full inbox is noted", func(t T) {
		f := c.created(t)
		for _, full := range []workspace.Full{
			{FullSince: t0, FullAt: t0.Add(time.Second), FullBy: "w", FullOpen: 20},
			{FullSince: t0.Add(time.Hour), FullAt: t0, FullOpen: 3},
			{},
		} {
			must(t, c.NoteFull(t.Context(), f.Life(), full))
			f.Full = full
			same(t, f, c.read(t, f.ID))
		}
		nobody := uuid.NewString()
		must(t, c.NoteFull(t.Context(), first(nobody), workspace.Full{FullAt: t0}))
		_, err := c.Get(t.Context(), nobody)
		wantCode(t, err, fault.WorkspaceUnknown)
	})
	t.Run("an id is stored once", func(t T) {
		f, ms := c.withMail(t, 2)
		other := message(f.ID, "m1", 7, chat.Critical)
		other.Digest = "other"
		was, err := c.Put(t.Context(), other)
		must(t, err)
		same(t, ms[1], was)
		same(t, ms, c.stored(t, f.ID, "m0", "m1"))
		same(t, f, c.read(t, f.ID))
	})
	t.Run("fifty senders at once are fifty numbers", c.fifty)
	t.Run("a message that is too large for an item is not stored", func(t T) {
		f := c.created(t)
		m := message(f.ID, "m0", 1, chat.Task)
		m.Body = fmt.Appendf(nil, `"%0410000d"`, 0) // with its other fields, more than 400 KB
		_, err := c.Put(t.Context(), m)
		wantCode(t, err, fault.Internal)
		ms, err := c.Messages(t.Context(), f.Life(), "m0")
		must(t, err)
		same(t, 0, len(ms))
	})
}

func (c contract) takesNothing(t T) {
	id := uuid.NewString()
	got, counted, err := c.Count(t.Context(), id, t0, false, manyOpen)
	must(t, err)
	same(t, false, counted)
	same(t, workspace.Facts{}, got)
	_, err = c.Get(t.Context(), id)
	wantCode(t, err, fault.WorkspaceUnknown)

	f := c.created(t)
	f = c.change(t, f.ID, func(f *workspace.Facts) { f.Hold = workspace.Removed })
	full, _ := c.withMail(t, 2)
	for _, f := range []workspace.Facts{f, full} {
		got, counted, err := c.Count(t.Context(), f.ID, t0, true, 2)
		must(t, err)
		same(t, false, counted)
		same(t, f, got)
		same(t, f, c.read(t, f.ID))
	}
	paused := c.change(t, full.ID, func(f *workspace.Facts) { f.Hold = workspace.Paused })
	if _, counted, err := c.Count(t.Context(), paused.ID, t0, false, 3); !counted || err != nil {
		t.Fatal(counted, err)
	}
}

// fifty is that counts do not race with each other: each call succeeds at once.
func (c contract) fifty(t T) {
	const senders = 50
	f := c.created(t)
	numbers, errs := make([]int64, senders), make([]error, senders)
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			got, counted, err := c.Count(t.Context(), f.ID, t0, false, senders)
			if numbers[i], errs[i] = got.Accepted, err; err != nil || !counted {
				return
			}
			_, errs[i] = c.Put(t.Context(), message(f.ID, fmt.Sprint("m", i), got.Accepted, chat.Task))
		})
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("sender %d: %v", i, err)
		}
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		same(t, int64(i)+1, n)
	}
	open, err := c.OpenMail(t.Context(), f.Life(), 0)
	must(t, err)
	f = c.read(t, f.ID)
	if len(open) != senders || f.Open != senders || f.Accepted != senders || !f.Conserved() {
		t.Fatalf("%d are open, and the facts are %+v", len(open), f)
	}
	_, counted, err := c.Count(t.Context(), f.ID, t0, false, senders)
	must(t, err)
	same(t, false, counted)
}
