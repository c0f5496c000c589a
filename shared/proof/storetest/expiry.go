package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// lasting is something that a store keeps until a time; zero: for ever.
type lasting struct {
	what  string
	until time.Time
	there func() bool
}

// Expiry plays how long a store keeps what. Its retention is as given; expire deletes whatever may be deleted at a
// time, as the table's TTL does sooner or later.
func Expiry(t *testing.T, s Store, retention time.Duration, expire func(at time.Time)) {
	c, g := contract{Store: s}, goTest{t}
	for _, keep := range []func(T, time.Duration) lasting{
		c.keepsOpenMessage, c.keepsMessage, c.keepsBody, c.keepsRedrivenBody, c.keepsRow, c.keepsLongRow, c.keepsEntry,
		c.keepsChange, c.keepsPage, c.keepsHistory, c.keepsDelegation, c.keepsClaim, c.keepsEnrolment, c.keepsPerson,
	} {
		l := keep(g, retention)
		g.Run(l.what, func(t T) {
			last := l.until
			if last.IsZero() {
				last = t0.AddDate(10, 0, 0)
			}
			if expire(last); !l.there() {
				t.Fatalf("gone at %s", last)
			}
			if expire(last.Add(time.Second)); l.there() != l.until.IsZero() {
				t.Fatalf("after %s: there: %t", last, l.there())
			}
		})
	}
}

const day = 24 * time.Hour

// trailKept is how long an audit trail and a history are kept, expiredKept a person's credential that has expired, and
// textKept a text after its message may go.
const (
	trailKept   = 400 * day
	expiredKept = 30 * day
	textKept    = 2 * day
)

func (c contract) keepsOpenMessage(t T, _ time.Duration) lasting {
	f, _ := c.withMail(t, 1)
	return lasting{"an open message", time.Time{}, func() bool {
		ms, err := c.Messages(t.Context(), f.Life(), "m0")
		must(t, err)
		return len(ms) > 0
	}}
}

func (c contract) keepsMessage(t T, retention time.Duration) lasting {
	f, ms := c.withMail(t, 1)
	ended := t0.Add(day)
	must(t, c.write(t, ms[0], ms[0].Expire(ended), delivery.MailboxUpdate{}))
	return lasting{"a message that has ended", ended.Add(retention), func() bool {
		ms, err := c.Messages(t.Context(), f.Life(), "m0")
		must(t, err)
		return len(ms) > 0
	}}
}

// bodyThere reports whether the long body of a message is there.
func (c contract) bodyThere(t T, m chat.Message) func() bool {
	return func() bool {
		m.Body = nil
		ms, err := c.Texts(t.Context(), chat.Bodies, []chat.Message{m})
		must(t, err)
		return ms[0].Body != nil
	}
}

func (c contract) keepsBody(t T, retention time.Duration) lasting {
	m := c.withLong(t)
	return lasting{"a long body", m.ExpiresAt.Add(retention + textKept), c.bodyThere(t, c.head(t, m.Workspace))}
}

func (c contract) keepsRedrivenBody(t T, retention time.Duration) lasting {
	m := c.withLong(t)
	read := c.stored(t, m.Workspace, "m0")[0]
	ended := read.Expire(m.ExpiresAt)
	must(t, c.write(t, read, ended, delivery.MailboxUpdate{}))
	again, err := ended.Redrive(chat.DefaultPolicy(), m.ExpiresAt.Add(day))
	must(t, err)
	must(t, c.write(t, ended, again, delivery.MailboxUpdate{}))
	return lasting{
		"the long body of a message that is redriven", again.ExpiresAt.Add(retention + textKept),
		c.bodyThere(t, c.head(t, m.Workspace)),
	}
}

func (c contract) keepsRow(t T, retention time.Duration) lasting {
	id := uuid.NewString()
	must(t, c.AddRow(t.Context(), note("a", id, t0)))
	return lasting{"a row of the log", t0.Add(retention), func() bool {
		rows, err := c.ActivityLog(t.Context(), first(id), activity.Range{Limit: 1})
		must(t, err)
		return len(rows) > 0
	}}
}

// keepsLongRow is that a long row is kept longer than its head.
func (c contract) keepsLongRow(t T, retention time.Duration) lasting {
	id := uuid.NewString()
	row := note("a", id, t0)
	row.Request = long(strings.Repeat("row", activity.InlineRow))
	must(t, c.AddRow(t.Context(), row))
	head := c.entries(t, first(id), activity.Range{Limit: 1})[0].Row
	return lasting{"a long row of the log", t0.Add(retention + textKept), func() bool {
		whole, err := c.WholeRows(t.Context(), []activity.Row{*head})
		must(t, err)
		return whole[0].Request != nil
	}}
}

// entryThere reports whether the trail of a life has something.
func (c contract) entryThere(t T, life workspace.Life) func() bool {
	return func() bool {
		rows, err := c.AuditTrail(t.Context(), life, "", 1)
		must(t, err)
		return len(rows) > 0
	}
}

func (c contract) keepsEntry(t T, _ time.Duration) lasting {
	life := first(uuid.NewString())
	must(t, c.AddRow(t.Context(), activity.AuditRow(life, activity.AuditEntry{Action: "create", At: t0})))
	return lasting{"an entry of the audit trail", t0.Add(trailKept), c.entryThere(t, life)}
}

// changeThere reports whether the fleet's log has a change.
func (c contract) changeThere(t T, seq int64) func() bool {
	return func() bool {
		found := c.changesAfter(t, seq-1, 1)
		return len(found) > 0 && found[0].Seq == seq
	}
}

func (c contract) keepsChange(t T, retention time.Duration) lasting {
	page := c.numbered(t, changeOf(c.created(t), t0))
	must(t, c.AddChanges(t.Context(), page))
	return lasting{"a change in the fleet's log", t0.Add(retention), c.changeThere(t, page[0].Change.Seq)}
}

func (c contract) keepsPage(t T, retention time.Duration) lasting {
	page := c.numbered(t, changeOf(c.created(t), t0), changeOf(c.created(t), t0.Add(time.Minute)))
	must(t, c.AddChanges(t.Context(), page))
	until := t0.Add(time.Minute + retention)
	return lasting{"the first change of a page", until, c.changeThere(t, page[0].Change.Seq)}
}

func (c contract) keepsHistory(t T, _ time.Duration) lasting {
	f := c.created(t)
	must(t, c.AddChanges(t.Context(), c.numbered(t, changeOf(f, t0))))
	return lasting{"a change in the history", t0.Add(trailKept), c.entryThere(t, f.Life())}
}

func (c contract) keepsDelegation(t T, retention time.Duration) lasting {
	d := delegation.Delegation{ID: "d", Source: uuid.NewString(), Target: "t", MessageID: "m", At: t0}
	must(t, c.SaveDelegation(t.Context(), d))
	return lasting{"a delegation", t0.Add(retention), func() bool {
		_, found, err := c.Delegation(t.Context(), d.From(), d.ID)
		must(t, err)
		return found
	}}
}

func (c contract) keepsClaim(t T, retention time.Duration) lasting {
	d := delegation.Delegation{ID: "d", Source: "s", Target: uuid.NewString(), MessageID: "m", At: t0}
	claimed, err := c.ClaimMessage(t.Context(), d)
	must(t, err)
	same(t, true, claimed)
	other := d
	other.ID, other.At = "other", t0.AddDate(10, 0, 0)
	return lasting{"the claim of a message", t0.Add(retention), func() bool {
		claimed, err := c.ClaimMessage(t.Context(), other)
		must(t, err)
		return !claimed
	}}
}

func (c contract) keepsEnrolment(t T, _ time.Duration) lasting {
	e := registry.Enrolment{ID: uuid.NewString(), Hash: hash("e"), Uses: 1, Until: t0.Add(time.Hour)}
	must(t, c.Enrol(t.Context(), e, activity.AuditEntry{Action: "enrolment_issued", At: t0}))
	return lasting{"an enrolment", e.Until, func() bool {
		_, err := c.Enrolment(t.Context(), e.ID)
		return err == nil
	}}
}

func (c contract) keepsPerson(t T, _ time.Duration) lasting {
	p := person()
	must(t, c.AddPerson(t.Context(), p, activity.AuditEntry{Action: "token_created", At: t0}))
	return lasting{"a person's credential", p.ExpiresAt.Add(expiredKept), func() bool {
		_, err := c.Person(t.Context(), p.ID)
		return err == nil
	}}
}
