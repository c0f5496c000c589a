package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/token"
)

// person is a new credential of a person, with every field set.
func person() people.Person {
	return people.Person{
		ID: uuid.NewString(), Name: "ana", Scope: people.Operate, Team: "red", Hash: hash("person"), CreatedAt: t0,
		CreatedBy: "operator x", Makers: []string{"first", "second"}, ExpiresAt: t0.Add(time.Hour),
		UsedAt: t0.Add(time.Minute), UsedFrom: "10.0.0.9",
		EndedAt: t0.Add(time.Minute), EndedBy: activity.Actor{Who: "bo", From: "10.0.0.7"},
	}
}

// persons is people.Store.
func (c contract) persons(t T) {
	made := activity.AuditEntry{Action: "token_created", At: t0}
	t.Run("what is stored is read back and listed", func(t T) {
		p := person()
		bare := people.Person{
			ID: uuid.NewString(), Name: "bo", Scope: people.View, Hash: hash("b"), CreatedAt: t0, ExpiresAt: t0,
		}
		for _, one := range []people.Person{p, bare} {
			must(t, c.AddPerson(t.Context(), one, made))
			got, err := c.Person(t.Context(), one.ID)
			must(t, err)
			same(t, one, got)
		}
		all, err := c.People(t.Context())
		must(t, err)
		listed := map[string]people.Person{}
		for _, one := range all {
			listed[one.ID] = one
		}
		same(t, p, listed[p.ID])
		same(t, bare, listed[bare.ID])
	})
	t.Run("a use is noted, and brings no revoked one back", func(t T) {
		p := person()
		must(t, c.AddPerson(t.Context(), p, made))
		p.UsedAt, p.UsedFrom = t0.Add(time.Hour), "10.0.0.8"
		must(t, c.NotePersonUse(t.Context(), p.ID, p.UsedFrom, p.UsedAt))
		got, err := c.Person(t.Context(), p.ID)
		must(t, err)
		same(t, p, got)
		must(t, c.RemovePerson(t.Context(), p.ID))
		wantCode(t, c.NotePersonUse(t.Context(), p.ID, "a", t0), fault.TokenUnknown)
		_, err = c.Person(t.Context(), p.ID)
		wantCode(t, err, fault.TokenUnknown)
		wantCode(t, c.RemovePerson(t.Context(), p.ID), fault.TokenUnknown)
	})
	t.Run("one that ends has no secret, and who ended it first stays", func(t T) {
		p := person()
		p.EndedAt, p.EndedBy = time.Time{}, activity.Actor{}
		must(t, c.AddPerson(t.Context(), p, made))
		p.Hash, p.EndedAt, p.EndedBy = token.Hash{}, t0.Add(time.Hour), activity.Actor{Who: "bo", From: "b"}
		for _, by := range []activity.Actor{p.EndedBy, {Who: "cy", From: "c"}} {
			got, err := c.EndPerson(t.Context(), p.ID, by, p.EndedAt.Add(time.Duration(len(by.Who)-2)))
			must(t, err)
			same(t, p, got)
			got, err = c.Person(t.Context(), p.ID)
			must(t, err)
			same(t, p, got)
		}
		must(t, c.RemovePerson(t.Context(), p.ID))
		for _, id := range []string{p.ID, "", uuid.NewString()} {
			_, err := c.EndPerson(t.Context(), id, p.EndedBy, t0)
			wantCode(t, err, fault.TokenUnknown)
			wantCode(t, c.RemovePerson(t.Context(), id), fault.TokenUnknown)
		}
	})
	t.Run("an unknown one is unknown", func(t T) {
		for _, id := range []string{"", uuid.NewString()} {
			_, err := c.Person(t.Context(), id)
			wantCode(t, err, fault.TokenUnknown)
		}
	})
	t.Run("the trail says who did what, once for each change", func(t T) {
		at := t0.Add(time.Duration(uuid.New().ID()) * time.Second) // the platform's trail is shared
		p := person()
		by := activity.AuditEntry{Action: "token_created", Actor: activity.Actor{Who: p.ID, From: "a"}, At: at}
		must(t, c.AddPerson(t.Context(), p, by))
		must(t, c.RemovePerson(t.Context(), p.ID))
		trail, err := c.AuditTrail(t.Context(), activity.Platform, "", 1000)
		must(t, err)
		var actions []string
		for _, row := range trail {
			if row.SourceID == p.ID {
				actions = append(actions, row.Method)
			}
		}
		same(t, []string{"token_created"}, actions)
	})
}
