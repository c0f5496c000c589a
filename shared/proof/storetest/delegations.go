package storetest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/delegation"
)

// delegations is delegation.Store.
func (c contract) delegations(t T) {
	task := func(source, id string, after time.Duration) delegation.Delegation {
		return delegation.Delegation{
			ID: id, Source: source, Target: "t", Summary: "do", MessageID: "m" + id, At: t0.Add(after),
		}
	}
	t.Run("they are kept by source, newest first, and by id within one time", func(t T) {
		source := uuid.NewString()
		d1, d2, d3 := task(source, "d1", 0), task(source, "d2", time.Second), task(source, "d3", time.Second)
		for _, d := range []delegation.Delegation{d3, d1, d2} {
			must(t, c.SaveDelegation(t.Context(), d))
		}
		all, err := c.Delegations(t.Context(), first(source), 10)
		must(t, err)
		same(t, []delegation.Delegation{d2, d3, d1}, all)
		other, err := c.Delegations(t.Context(), first(uuid.NewString()), 10)
		must(t, err)
		same(t, 0, len(other))
	})
	t.Run("the newest are listed, however many there are", c.manyDelegations)
	t.Run("the same id again takes the place of the first", func(t T) {
		source := uuid.NewString()
		d := task(source, "d1", 0)
		must(t, c.SaveDelegation(t.Context(), d))
		d.MessageID = "another"
		must(t, c.SaveDelegation(t.Context(), d))
		all, err := c.Delegations(t.Context(), first(source), 10)
		must(t, err)
		same(t, []delegation.Delegation{d}, all)
	})
	t.Run("a message is claimed by one delegation, however often", func(t T) {
		d1, d2 := task(uuid.NewString(), "d1", 0), task(uuid.NewString(), "d2", 0)
		d1.Target, d1.MessageID = uuid.NewString(), "m"
		d2.Target, d2.MessageID = d1.Target, "m"
		elsewhere := d2
		elsewhere.Target = uuid.NewString()
		for _, step := range []struct {
			d    delegation.Delegation
			want bool
		}{{d1, true}, {d2, false}, {d1, true}, {elsewhere, true}} {
			got, err := c.ClaimMessage(t.Context(), step.d)
			must(t, err)
			same(t, step.want, got)
		}
	})
	t.Run("one that was never made is not found", func(t T) {
		if _, found, err := c.Delegation(t.Context(), first(uuid.NewString()), "d1"); found || err != nil {
			t.Fatal(found, err)
		}
	})
}

// manyDelegations lists the newest of more than one call reads, whose ids are in another order than their times.
func (c contract) manyDelegations(t T) {
	const made = 211
	source := uuid.NewString()
	want := make([]delegation.Delegation, made)
	for n := range made {
		d := delegation.Delegation{
			ID: fmt.Sprintf("d%03d", n*83%made), Source: source, Target: "t", Summary: "do", MessageID: fmt.Sprint("m", n),
			At: t0.Add(time.Duration(n) * 7 * time.Millisecond),
		}
		want[made-1-n] = d
		must(t, c.SaveDelegation(t.Context(), d))
	}
	for _, limit := range []int{1, 50, 200, made, made + 1} {
		got, err := c.Delegations(t.Context(), first(source), limit)
		must(t, err)
		same(t, want[:min(limit, made)], got)
	}
	mail, err := c.OpenMail(t.Context(), first(source), 0)
	must(t, err)
	lost, err := c.LostMail(t.Context(), first(source))
	must(t, err)
	same(t, 0, len(mail)+len(lost))
}
