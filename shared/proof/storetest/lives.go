package storetest

import (
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// createdAgain removes a workspace and creates it again.
func (c contract) createdAgain(t T, f workspace.Facts) workspace.Facts {
	t.Helper()
	f = c.change(t, f.ID, func(f *workspace.Facts) { f.Hold = workspace.Removed })
	again := workspace.CreateAgain(f, hash("again "+f.ID), workspace.Push, 1, t0)
	entry := activity.AuditEntry{Action: "create", At: t0.Add(time.Duration(again.Lives) * time.Minute)}
	must(t, c.Save(t.Context(), f, again, registry.SaveExtras{Audit: []activity.AuditEntry{entry}}))
	return c.read(t, f.ID)
}

// lives is that what is created again shares nothing with what was removed.
func (c contract) lives(t T) {
	t.Run("a new life has the facts of a new workspace, whatever was written meanwhile", c.newLife)
	t.Run("nothing that is kept of a life is found in the next one", c.nothingIsInherited)
	t.Run("what ends in a former life leaves the mailbox of the next one alone", c.formerMail)
	t.Run("what is erased of a life is gone, and nothing else", c.erasedLife)
	t.Run("a life whose items are large is erased", c.erasesLarge)
}

func (c contract) newLife(t T) {
	f, ms := c.withMail(t, 2)
	removed := c.change(t, f.ID, func(f *workspace.Facts) { f.Hold = workspace.Removed })
	// A message ends after the removed workspace was read.
	oldest := ms[1].AcceptedAt
	must(t, c.write(t, ms[0], ms[0].Expire(t0), delivery.MailboxUpdate{OldestOpen: &oldest, Lost: 1}))
	again := workspace.CreateAgain(removed, hash("again "+f.ID), workspace.Poll, 3, t0)
	must(t, c.Save(t.Context(), removed, again, registry.SaveExtras{}))
	same(t, again, c.read(t, f.ID))
	owner, err := c.Owner(t.Context(), again.Credential)
	must(t, err)
	same(t, again.Life(), owner)
	if owner == f.Life() {
		t.Fatal("the lives have one name")
	}
}

// fill keeps one thing of each kind in a workspace's present life, and fails if one of
// the same id is there.
func (c contract) fill(t T, f workspace.Facts) {
	t.Helper()
	m := message(f.ID, "m0", 1, chat.Task)
	m.Life = f.Lives
	c.put(t, m)
	same(t, []chat.Message{m}, c.storedIn(t, f.Life(), "m0"))
	must(t, c.NoteTally(t.Context(), f.Life(), delivery.Tally{BeganAt: t0}))
	row := note("a", f.ID, t0)
	row.Life = f.Lives
	must(t, c.AddRow(t.Context(), row))
	items := c.entries(t, f.Life(), activity.Range{Before: m.AcceptedAt, Limit: 1})
	same(t, []activity.Item{{OrderKey: row.OrderKey(), Row: &row}}, items)
	task := delegation.Delegation{
		ID: "d", Source: f.ID, SourceLife: f.Lives, Target: f.ID, TargetLife: f.Lives, MessageID: "m0", At: t0,
	}
	must(t, c.SaveDelegation(t.Context(), task))
	task.ID = f.Life().Key()
	claimed, err := c.ClaimMessage(t.Context(), task)
	must(t, err)
	same(t, true, claimed)
	f = c.read(t, f.ID)
	must(t, c.AddChanges(t.Context(), c.numbered(t, changeOf(f, t0))))
}

// wantNothingOf fails if anything is found of a life.
func (c contract) wantNothingOf(t T, life workspace.Life) {
	t.Helper()
	mail, err := c.OpenMail(t.Context(), life, 0)
	must(t, err)
	messages, err := c.Messages(t.Context(), life, "m0")
	must(t, err)
	ended, _, err := c.EndedMail(t.Context(), life, "", 10)
	must(t, err)
	tally, err := c.Tally(t.Context(), life)
	must(t, err)
	log, _ := c.logged(t, life, activity.Range{Limit: 10})
	all, err := c.Delegations(t.Context(), life, 10)
	must(t, err)
	_, found, err := c.Delegation(t.Context(), life, "d")
	must(t, err)
	if len(mail)+len(messages)+len(ended)+len(log)+len(all) > 0 || found || !tally.BeganAt.IsZero() {
		t.Fatal(life, mail, messages, ended, log, all, found)
	}
}

func (c contract) nothingIsInherited(t T) {
	f := c.created(t)
	for range 3 {
		c.wantNothingOf(t, f.Life())
		c.fill(t, f)
		f = c.createdAgain(t, f)
	}
	c.storedIn(t, first(f.ID), "m0") // the first life has what it had
	trail, err := c.AuditTrail(t.Context(), f.Life(), "", 10)
	must(t, err)
	var lives []int64
	for _, r := range trail {
		same(t, "create", r.Method) // no change of a former life's verdict
		lives = append(lives, r.Life)
	}
	same(t, []int64{3, 2, 1}, lives)
}

func (c contract) erasedLife(t T) {
	f := c.created(t)
	c.fill(t, f)
	f = c.createdAgain(t, f)
	c.fill(t, f)
	item := delivery.OutboxItem{MessageID: "m0", Version: 2}
	former := c.storedIn(t, first(f.ID), "m0")[0]
	ended := former.Expire(t0)
	must(t, c.write(t, former, ended, delivery.MailboxUpdate{Former: true, Outbox: []delivery.OutboxItem{item}}))

	for left := true; left; {
		var err error
		left, err = c.Erase(t.Context(), first(f.ID))
		must(t, err)
	}
	c.wantNothingOf(t, first(f.ID))
	outbox, err := c.Outbox(t.Context(), first(f.ID))
	must(t, err)
	same(t, 0, len(outbox))
	claimed, err := c.ClaimMessage(t.Context(), delegation.Delegation{
		ID: "another", Source: f.ID, SourceLife: 1, Target: f.ID, MessageID: "m0", At: t0,
	})
	must(t, err)
	same(t, true, claimed)

	c.storedIn(t, f.Life(), "m0")
	same(t, f.Life(), c.read(t, f.ID).Life())
	trail, err := c.AuditTrail(t.Context(), f.Life(), "", 10)
	must(t, err)
	if len(trail) == 0 {
		t.Fatal("the audit trail is erased")
	}
}

// erasesLarge is that a life is erased however large its items are together.
func (c contract) erasesLarge(t T) {
	f := c.created(t)
	for i := range 12 {
		m := message(f.ID, fmt.Sprint("m", i), int64(i), chat.Task)
		m.Body = fmt.Appendf(nil, `"%0380000d"`, 0)
		_, err := c.Put(t.Context(), m)
		must(t, err)
	}
	for left := true; left; {
		var err error
		left, err = c.Erase(t.Context(), f.Life())
		must(t, err)
	}
	c.wantNothingOf(t, f.Life())
}

// formerMail is that the present life alone has a mailbox.
func (c contract) formerMail(t T) {
	f, ms := c.withMail(t, 1)
	former := f
	f = c.createdAgain(t, f)
	m, item := ms[0], delivery.OutboxItem{MessageID: "m0", Version: 2}
	ended := m.Expire(t0)
	wantCode(t, c.write(t, m, ended, delivery.MailboxUpdate{OldestOpen: &time.Time{}}), fault.Conflict)
	wantCode(t, c.write(t, m, m, delivery.MailboxUpdate{ClaimReleased: true}), fault.Conflict)
	must(t, c.Uncount(t.Context(), former.Life()))
	must(t, c.NoteFull(t.Context(), former.Life(), workspace.Full{FullAt: t0}))
	wantCode(t, c.CorrectCounters(t.Context(), c.inLife(f, former), former), fault.Conflict)
	same(t, f, c.read(t, f.ID))

	update := delivery.MailboxUpdate{Former: true, Outbox: []delivery.OutboxItem{item}}
	must(t, c.write(t, m, ended, update))
	wantCode(t, c.write(t, m, ended, update), fault.Conflict)
	same(t, []chat.Message{ended}, c.storedIn(t, former.Life(), "m0"))
	must(t, c.OutboxDone(t.Context(), former.Life(), item, false)) // it is in no mailbox: it stays
	left, err := c.Outbox(t.Context(), former.Life())
	must(t, err)
	same(t, []delivery.OutboxItem{item}, left)
	must(t, c.OutboxDone(t.Context(), former.Life(), item, true))
	left, err = c.Outbox(t.Context(), former.Life())
	must(t, err)
	same(t, 0, len(left))
	same(t, f, c.read(t, f.ID))
}

// inLife are a workspace's facts as if they were those of a former life.
func (contract) inLife(f, former workspace.Facts) workspace.Facts {
	f.Lives = former.Lives
	return f
}
