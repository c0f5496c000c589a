package storetest

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// damaged is a store that gives back less than was written, or writes less. Nil
// functions do no damage.
type damaged struct {
	Store
	facts      func(workspace.Facts) workspace.Facts
	message    func(chat.Message) chat.Message
	open       func(delivery.OpenMessage) delivery.OpenMessage
	profile    func(workspace.Profile) workspace.Profile
	row        func(activity.Row) activity.Row
	delegation func(delegation.Delegation) delegation.Delegation
	change     func(statuslog.Change) statuslog.Change
	enrolment  func(registry.Enrolment) registry.Enrolment
	person     func(people.Person) people.Person
	fleet      func(workspace.Fleet) workspace.Fleet
	outbox     func(delivery.OutboxItem) delivery.OutboxItem

	save, noteRefusal, correct func(old, next workspace.Facts) (workspace.Facts, workspace.Facts)
}

func apply[V any](do func(V) V, v V) V {
	if do == nil {
		return v
	}
	return do(v)
}

func each[V any](do func(V) V, list []V) []V {
	for i := range list {
		list[i] = apply(do, list[i])
	}
	return list
}

func (d damaged) Get(ctx context.Context, id string) (workspace.Facts, error) {
	f, err := d.Store.Get(ctx, id)
	return apply(d.facts, f), err
}

func (d damaged) Renew(
	ctx context.Context, id string, h token.Hash, s workspace.Signal, now time.Time,
) (workspace.Facts, error) {
	f, err := d.Store.Renew(ctx, id, h, s, now)
	return apply(d.facts, f), err
}

func (d damaged) Page(ctx context.Context, cursor string, limit int) ([]workspace.Facts, string, error) {
	facts, next, err := d.Store.Page(ctx, cursor, limit)
	return each(d.facts, facts), next, err
}

func (d damaged) Save(ctx context.Context, old, next workspace.Facts, extras registry.SaveExtras) error {
	if d.save != nil {
		old, next = d.save(old, next)
	}
	return d.Store.Save(ctx, old, next, extras)
}

func (d damaged) NoteRefusal(ctx context.Context, old, next workspace.Facts) error {
	if d.noteRefusal != nil {
		old, next = d.noteRefusal(old, next)
	}
	return d.Store.NoteRefusal(ctx, old, next)
}

func (d damaged) CorrectCounters(ctx context.Context, old, next workspace.Facts) error {
	if d.correct != nil {
		old, next = d.correct(old, next)
	}
	return d.Store.CorrectCounters(ctx, old, next)
}

func (d damaged) Messages(ctx context.Context, life workspace.Life, ids ...string) ([]chat.Message, error) {
	ms, err := d.Store.Messages(ctx, life, ids...)
	return each(d.message, ms), err
}

func (d damaged) OpenMail(ctx context.Context, life workspace.Life, limit int) ([]delivery.OpenMessage, error) {
	ms, err := d.Store.OpenMail(ctx, life, limit)
	return each(d.open, ms), err
}

func (d damaged) Outbox(ctx context.Context, life workspace.Life) ([]delivery.OutboxItem, error) {
	items, err := d.Store.Outbox(ctx, life)
	return each(d.outbox, items), err
}

func (d damaged) CallbackOutbox(ctx context.Context, life workspace.Life) ([]delivery.OutboxItem, error) {
	items, err := d.Store.CallbackOutbox(ctx, life)
	return each(d.outbox, items), err
}

func (d damaged) Profile(ctx context.Context, id string) (workspace.Profile, error) {
	p, err := d.Store.Profile(ctx, id)
	return apply(d.profile, p), err
}

func (d damaged) ActivityLog(ctx context.Context, life workspace.Life, r activity.Range) ([]activity.Item, error) {
	items, err := d.Store.ActivityLog(ctx, life, r)
	for _, item := range items {
		if item.Row != nil {
			*item.Row = apply(d.row, *item.Row)
		}
	}
	return items, err
}

func (d damaged) Delegation(
	ctx context.Context, source workspace.Life, id string,
) (delegation.Delegation, bool, error) {
	out, found, err := d.Store.Delegation(ctx, source, id)
	return apply(d.delegation, out), found, err
}

func (d damaged) Changes(ctx context.Context, after int64, limit int) ([]statuslog.Change, error) {
	out, err := d.Store.Changes(ctx, after, limit)
	return each(d.change, out), err
}

func (d damaged) Enrolment(ctx context.Context, id string) (registry.Enrolment, error) {
	e, err := d.Store.Enrolment(ctx, id)
	return apply(d.enrolment, e), err
}

func (d damaged) Person(ctx context.Context, id string) (people.Person, error) {
	p, err := d.Store.Person(ctx, id)
	return apply(d.person, p), err
}

func (d damaged) Fleet(ctx context.Context) (workspace.Fleet, error) {
	fl, err := d.Store.Fleet(ctx)
	return apply(d.fleet, fl), err
}

// notices fails the test unless the contract fails on a store with the damage.
func notices(t *testing.T, name string, d damaged) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		p := workspace.DefaultPolicy()
		d.Store = memory.NewStore(p)
		why := Breaks(t, d, p)
		if why == "" {
			t.Fatal("no case of the contract notices it")
		}
		t.Log(why)
	})
}

// strike has the contract notice the loss of each field of V.
func strike[V any](t *testing.T, skip string, damage func(lose func(V) V) damaged) {
	t.Helper()
	for _, l := range leavesOf[V]() {
		if strings.Contains(" "+skip+" ", " "+l.name+" ") {
			continue
		}
		notices(t, reflect.TypeFor[V]().Name()+"."+l.name, damage(func(v V) V { return cleared(l, v) }))
	}
}

// TestAnUndamagedStoreKeepsTheContract shows that it is the damage that is noticed.
func TestAnUndamagedStoreKeepsTheContract(t *testing.T) {
	p := workspace.DefaultPolicy()
	if why := Breaks(t, damaged{Store: memory.NewStore(p)}, p); why != "" {
		t.Fatal(why)
	}
}

func TestTheContractNoticesEachFieldThatIsNotReadBack(t *testing.T) {
	strike(t, "", func(f func(workspace.Facts) workspace.Facts) damaged { return damaged{facts: f} })
	strike(t, "", func(f func(chat.Message) chat.Message) damaged { return damaged{message: f} })
	strike(t, "", func(f func(delivery.OpenMessage) delivery.OpenMessage) damaged { return damaged{open: f} })
	strike(t, "", func(f func(delivery.OutboxItem) delivery.OutboxItem) damaged { return damaged{outbox: f} })
	strike(t, "", func(f func(workspace.Profile) workspace.Profile) damaged { return damaged{profile: f} })
	strike(t, "", func(f func(activity.Row) activity.Row) damaged { return damaged{row: f} })
	strike(t, "", func(f func(delegation.Delegation) delegation.Delegation) damaged { return damaged{delegation: f} })
	strike(t, "", func(f func(statuslog.Change) statuslog.Change) damaged { return damaged{change: f} })
	strike(t, "", func(f func(registry.Enrolment) registry.Enrolment) damaged { return damaged{enrolment: f} })
	// Who ended a credential is told, and nothing is good by it: it is kept without its line.
	strike(t, "EndedBy.Line", func(f func(people.Person) people.Person) damaged { return damaged{person: f} })
	// The others are a sample's, and not stored.
	strike(t, "SampledAt LeaseEnds LastSignalAt SweeperOnly StoreFailed",
		func(f func(workspace.Fleet) workspace.Fleet) damaged { return damaged{fleet: f} })
}

// copyField sets a field of to to its value in from.
func copyField(l leaf, from, to workspace.Facts) workspace.Facts {
	l.edit(reflect.ValueOf(&from).Elem(), func(value reflect.Value) {
		l.edit(reflect.ValueOf(&to).Elem(), func(field reflect.Value) { field.Set(value) })
	})
	return to
}

func TestTheContractNoticesEachFieldThatIsNotWritten(t *testing.T) {
	unwritten := func(l leaf) func(old, next workspace.Facts) (workspace.Facts, workspace.Facts) {
		return func(old, next workspace.Facts) (workspace.Facts, workspace.Facts) {
			return old, copyField(l, old, next)
		}
	}
	for _, l := range leavesOf[workspace.Facts]() {
		notices(t, "Save "+l.name, damaged{save: unwritten(l)})
	}
	for _, l := range append(groupLeaves[workspace.Refusals](), groupLeaves[workspace.Stranger]()...) {
		notices(t, "NoteRefusal "+l.name, damaged{noteRefusal: unwritten(l)})
	}
	for _, l := range groupLeaves[workspace.Counters]() {
		notices(t, "CorrectCounters "+l.name, damaged{correct: unwritten(l)})
	}
}

func TestTheContractNoticesEachConditionThatIsNotMade(t *testing.T) {
	// The write sees what is stored, whatever the caller saw.
	unguarded := func(s Store, l leaf) func(old, next workspace.Facts) (workspace.Facts, workspace.Facts) {
		return func(old, next workspace.Facts) (workspace.Facts, workspace.Facts) {
			if stored, err := s.Get(context.Background(), next.ID); err == nil {
				old = copyField(l, stored, old)
			}
			return old, next
		}
	}
	p := workspace.DefaultPolicy()
	for _, l := range append(groupLeaves[workspace.Refusals](), groupLeaves[workspace.Stranger]()...) {
		s := memory.NewStore(p)
		if why := Breaks(t, damaged{Store: s, noteRefusal: unguarded(s, l)}, p); why == "" {
			t.Errorf("no case notices that NoteRefusal makes no condition of %s", l.name)
		}
	}
	for _, l := range groupLeaves[workspace.Counters]() {
		s := memory.NewStore(p)
		if why := Breaks(t, damaged{Store: s, correct: unguarded(s, l)}, p); why == "" {
			t.Errorf("no case notices that CorrectCounters makes no condition of %s", l.name)
		}
	}
}
