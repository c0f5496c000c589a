package storetest

import (
	"slices"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// fields is that every stored field comes back as it was written: set, changed
// and cleared.
func (c contract) fields(t T) {
	t.Run("all facts that are saved come back, and those that are taken away are gone", c.factsWhole)
	t.Run("all fields of a message come back", c.messageFields)
	t.Run("all fields of a profile come back", c.profileFields)
	t.Run("all fields of a row come back", c.rowFields)
	t.Run("all fields of an audit entry come back", c.auditFields)
	t.Run("all fields of a delegation come back", c.delegationFields)
	t.Run("all fields of a change of verdict come back", c.changeFields)
	t.Run("all fields of an enrolment come back", c.enrolmentFields)
	t.Run("all stored fields of the fleet come back", c.fleetFields)
}

// factsOf are the facts of a workspace with every field at its nth value.
func factsOf(id string, version int64, n int) workspace.Facts {
	f := filled[workspace.Facts](n)
	f.ID, f.Version = id, version
	return f
}

func (c contract) factsWhole(t T) {
	id := uuid.NewString()
	was := workspace.Facts{}
	for version, next := range []workspace.Facts{
		factsOf(id, 1, 1), factsOf(id, 2, 2), {Identity: workspace.Identity{ID: id, Version: 3}}, factsOf(id, 4, 3),
	} {
		must(t, c.Save(t.Context(), was, next, registry.SaveExtras{}))
		same(t, next, c.read(t, id))
		if version == 3 {
			same(t, []workspace.Facts{next}, slices.DeleteFunc(c.all(t), func(f workspace.Facts) bool { return f.ID != id }))
		}
		was = next
	}
}

// factsAlone is that each fact can be set, changed and cleared alone.
func (c contract) factsAlone(t T) {
	id := uuid.NewString()
	was := workspace.Facts{Identity: workspace.Identity{ID: id, Version: 1}}
	must(t, c.Save(t.Context(), workspace.Facts{}, was, registry.SaveExtras{}))
	for _, l := range leavesOf[workspace.Facts]() {
		if l.name == "ID" || l.name == "Version" {
			continue // the key and the condition of every save here
		}
		for _, next := range []workspace.Facts{set(l, was, 1), set(l, was, 2), cleared(l, was)} {
			next.Version = was.Version + 1
			must(t, c.Save(t.Context(), was, next, registry.SaveExtras{}))
			same(t, next, c.read(t, id))
			was = next
		}
	}
}

// messageOf is an open message with every field at its nth value.
func messageOf(id string, version int64, state chat.State, n int) chat.Message {
	m := filled[chat.Message](n)
	m.ID, m.Workspace, m.Life, m.Version, m.State = "m", id, 0, version, state
	m.BodyApart, m.AnswerApart = chat.Apart{}, chat.Apart{} // its texts are short
	return m
}

func (c contract) messageFields(t T) {
	f := c.created(t)
	was := messageOf(f.ID, 1, chat.Queued, 1)
	c.put(t, was)
	same(t, []chat.Message{was}, c.stored(t, f.ID, "m"))
	for _, next := range []chat.Message{
		messageOf(f.ID, 2, chat.InFlight, 2), messageOf(f.ID, 3, chat.Delivered, 3),
		{ID: "m", Workspace: f.ID, Version: 4, State: chat.Queued},
		messageOf(f.ID, 5, chat.Dead, 1),
	} {
		must(t, c.write(t, was, next, delivery.MailboxUpdate{}))
		same(t, []chat.Message{next}, c.stored(t, f.ID, "m"))
		was = next
	}
	again, err := c.Put(t.Context(), message(f.ID, "m", 2, chat.Task))
	must(t, err)
	same(t, was, again)
	items := c.entries(t, f.Life(), activity.Range{Limit: 10})
	same(t, []activity.Item{{OrderKey: activity.MessageOrderKey(was), Message: &was}}, items)
}

func (c contract) profileFields(t T) {
	f := c.created(t)
	for _, p := range []workspace.Profile{filled[workspace.Profile](1), filled[workspace.Profile](2), {}} {
		p.CardApart = "" // its card is short
		f = c.describe(t, f, workspace.Replace(p))
		got, err := c.Profile(t.Context(), f.ID)
		must(t, err)
		same(t, p, got)
		many, err := c.Profiles(t.Context(), f.ID)
		must(t, err)
		same(t, map[string]workspace.Profile{f.ID: listed(p)}, many)
	}
}

func (c contract) rowFields(t T) {
	id := uuid.NewString()
	for _, row := range []activity.Row{filled[activity.Row](1), {ID: "v1", At: t0}, filled[activity.Row](2)} {
		row.Workspace, row.Life, row.Apart = id, 0, activity.Apart{}
		must(t, c.AddRow(t.Context(), row))
		same(t, []activity.Item{{OrderKey: row.OrderKey(), Row: &row}}, c.entries(t, first(id), activity.Range{Limit: 1}))
	}
}

func (c contract) auditFields(t T) {
	id := uuid.NewString()
	row := filled[activity.Row](1)
	row.Workspace, row.Type, row.Apart = id, activity.TypeAudit, activity.Apart{}
	must(t, c.AddRow(t.Context(), row))
	got, err := c.AuditTrail(t.Context(), first(id), "", 10)
	must(t, err)
	same(t, []activity.Row{row}, got)
}

func (c contract) delegationFields(t T) {
	d := filled[delegation.Delegation](1)
	d.Source = uuid.NewString()
	must(t, c.SaveDelegation(t.Context(), d))
	got, found, err := c.Delegation(t.Context(), d.From(), d.ID)
	must(t, err)
	if !found {
		t.Fatal("it is not there")
	}
	same(t, d, got)
	all, err := c.Delegations(t.Context(), d.From(), 10)
	must(t, err)
	same(t, []delegation.Delegation{d}, all)
}

func (c contract) changeFields(t T) {
	f := c.created(t)
	next := f
	next.Version++
	ch := filled[statuslog.Change](1)
	ch.Workspace, ch.Life = f.ID, 1
	must(t, c.AddChanges(t.Context(), c.numbered(t, statuslog.Entry{Old: f, Next: next, Change: ch})))
	last, err := c.LatestChange(t.Context())
	must(t, err)
	ch.Seq = last
	log, err := c.Changes(t.Context(), last-1, 1)
	must(t, err)
	same(t, []statuslog.Change{ch}, log)
	row, err := ch.Row()
	must(t, err)
	trail, err := c.AuditTrail(t.Context(), f.Life(), "", 1)
	must(t, err)
	same(t, []activity.Row{row}, trail)
}

func (c contract) enrolmentFields(t T) {
	for n := range 2 {
		e := filled[registry.Enrolment](n + 1)
		e.ID = uuid.NewString()
		must(t, c.Enrol(t.Context(), e, activity.AuditEntry{Action: "enrolment_issued", At: t0}))
		got, err := c.Enrolment(t.Context(), e.ID)
		must(t, err)
		same(t, e, got)
	}
}

// storedFleet are the fields of workspace.Fleet that a store keeps; the others
// are a sample's.
func storedFleet(fl workspace.Fleet) workspace.Fleet {
	return workspace.Fleet{
		SweptAt: fl.SweptAt, SweepEndedAt: fl.SweepEndedAt, OutageStart: fl.OutageStart, OutageEnd: fl.OutageEnd,
		SweepCursor: fl.SweepCursor, Seen: fl.Seen, Counted: fl.Counted, Workspaces: fl.Workspaces, Agents: fl.Agents,
		QueueCursor: fl.QueueCursor,
	}
}

func (c contract) fleetFields(t T) {
	for _, n := range []int{1, 2} {
		fl := storedFleet(filled[workspace.Fleet](n))
		must(t, c.NoteSweep(t.Context(), fl))
		must(t, c.NoteSweepEnd(t.Context(), fl))
		must(t, c.NotePass(t.Context(), workspace.Pass{Cursor: fl.SweepCursor, Seen: fl.Seen, Calls: fl.Counted}))
		got, err := c.Fleet(t.Context())
		must(t, err)
		same(t, fl, got)
	}
}
