package weeks

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

var errQueueGone = delivery.ErrQueueDeletedRecently

// by is the operator.
var by = activity.Actor{Who: "the operator", From: "192.0.2.1"}

func (m *machine) anySpace(t *rapid.T) *space {
	i := rapid.IntRange(0, len(m.spaces)-1).Draw(t, "space")
	return m.spaces[i]
}

// create creates a workspace that is not there, or adopts it.
func (m *machine) create(t *rapid.T) {
	s, now := m.anySpace(t), m.clock.Now()
	l := s.present()
	in := registry.CreateInput{ID: s.id, By: by}
	if l != nil {
		in.Adopt, in.ResetCredentials, in.Force = true, rapid.Bool().Draw(t, "reset"), true
		in.Team = rapid.SampledFrom([]string{"", "red"}).Draw(t, "team")
	} else {
		l = &life{space: s, number: int64(len(s.lives)), began: now}
		in.Name, in.Role, in.Runtime = l.mark(), l.mark(), l.mark()
	}
	out, err := m.env.Registry.Create(m.ctx, in, now)
	m.must("create", err)
	if !in.Adopt {
		if out.Facts.Lives != l.number {
			t.Fatalf("life %d of %s has the number %d", l.number, s.id, out.Facts.Lives)
		}
		s.lives = append(s.lives, l)
	}
	m.given(l, out.AuthToken)
}

// given has a new agent begin, if there is a credential for one.
func (m *machine) given(l *life, credential string) {
	if credential != "" {
		a := &agent{life: l, token: credential, from: fmt.Sprintf("10.%d.0.%d", l.number+1, l.space.id[0])}
		l.agents = append(l.agents, a)
	}
}

// remove ends a life, or purges what is left of it.
func (m *machine) remove(t *rapid.T) {
	s, now := m.anySpace(t), m.clock.Now()
	l := s.present()
	if l == nil && len(s.lives) == 0 {
		t.Skip("it was never there")
	}
	if l != nil {
		_, err := m.env.Registry.Hold(m.ctx, s.id, workspace.Removed, by, now)
		m.must("remove", err)
		l.ended = now
	}
	if rapid.Bool().Draw(t, "purge") {
		_, err := m.env.Registry.Purge(m.ctx, s.id, by, now)
		m.must("purge", err)
	}
}

func (m *machine) pause(t *rapid.T) {
	l := m.anySpace(t).present()
	if l == nil {
		t.Skip("it is not there")
	}
	h := map[bool]workspace.Hold{true: workspace.NoHold, false: workspace.Paused}[l.paused]
	_, err := m.env.Registry.Hold(m.ctx, l.space.id, h, by, m.clock.Now())
	m.must("hold", err)
	l.paused = !l.paused
}

// repair gives an agent that lost its credential another one, in one of the ways there are.
func (m *machine) repair(t *rapid.T) {
	l, now := m.anySpace(t).present(), m.clock.Now()
	if l == nil {
		t.Skip("it is not there")
	}
	switch rapid.SampledFrom([]string{"show", "window", "revoke", "rotate"}).Draw(t, "how") {
	case "show":
		m.show(l)
	case "window":
		_, err := m.env.Registry.Repair(m.ctx, registry.RepairInput{ID: l.space.id, Force: true, By: by}, now)
		if fault.CodeOf(err) != fault.RepairAddressUnknown {
			m.must("repair", err)
		}
	case "revoke":
		_, _, err := m.env.Registry.Revoke(m.ctx, l.space.id, true, by, now)
		m.must("revoke", err)
	default:
		in := registry.RotateInput{ID: l.space.id, To: workspace.ToOperator, Force: true, By: by}
		_, text, err := m.env.Registry.Rotate(m.ctx, in, now)
		m.must("rotate", err)
		m.given(l, text)
	}
}

// show gives a life an agent with a new credential.
func (m *machine) show(l *life) {
	out, err := m.env.Registry.Repair(m.ctx, registry.RepairInput{
		ID: l.space.id, Show: true, Force: true, By: by,
	}, m.clock.Now())
	m.must("repair", err)
	m.given(l, out.AuthToken)
}

// cancels ends what waits of a workspace's mail.
func (m *machine) cancels(t *rapid.T) {
	l := m.anySpace(t).present()
	if l == nil {
		t.Skip("it is not there")
	}
	n := 0
	_, _, err := m.env.Delivery.CancelMail(m.ctx, l.space.id, "", by.Who, asked(&n), m.clock.Now())
	m.must("cancel", err)
}

// redrives puts back what is dead or has expired of a workspace's mail: each message, and all at once.
func (m *machine) redrives(t *rapid.T) {
	l := m.anySpace(t).present()
	if l == nil {
		t.Skip("it is not there")
	}
	n, now := 0, m.clock.Now()
	if rapid.Bool().Draw(t, "all") {
		_, _, err := m.env.Delivery.RedriveAll(m.ctx, l.space.id, asked(&n), now)
		m.must("redrive all", err)
		return
	}
	for _, id := range slices.Sorted(maps.Keys(l.mail)) {
		_, err := m.env.Delivery.Redrive(m.ctx, l.space.id, id, now)
		if code := fault.CodeOf(err); code != fault.MessageNotDead && code != fault.MessageUnknown {
			m.must("redrive "+id, err)
		}
	}
}

// asked agrees to what is to be done to messages.
func asked(to *int) delivery.Ask {
	return func(_ workspace.Life, n, _ int) error {
		*to += n
		return nil
	}
}

// person is somebody with a credential that ends.
type person struct {
	text  string
	scope people.Scope
	ends  time.Time
}

// changePeople makes a credential of a person, or uses one.
func (m *machine) changePeople(t *rapid.T) {
	now := m.clock.Now()
	if len(m.persons) == 0 || rapid.IntRange(0, 2).Draw(t, "a new one") == 0 {
		scopes := []people.Scope{people.View, people.Operate}
		grant := people.Grant{
			Name: fmt.Sprint("p", m.next()), Scope: rapid.SampledFrom(scopes).Draw(t, "scope"),
			Lasts: rapid.SampledFrom([]time.Duration{time.Hour, 8 * day, 90 * day}).Draw(t, "for"),
		}
		text, p, err := m.env.People.Create(m.ctx, grant, by, now)
		m.must("a person's credential", err)
		m.persons = append(m.persons, person{text, grant.Scope, p.ExpiresAt})
		return
	}
	p := rapid.SampledFrom(m.persons).Draw(t, "person")
	_, err := m.env.People.Find(m.ctx, p.text, "192.0.2.7", now)
	ended := fault.CodeOf(err) == fault.CredentialExpired || fault.CodeOf(err) == fault.CredentialUnknown
	if ended != !now.Before(p.ends) {
		t.Fatalf("at %s, a credential until %s: %v", now, p.ends, err)
	}
	if err != nil && !ended {
		m.must("find", errors.New("no word for it"))
	}
}
