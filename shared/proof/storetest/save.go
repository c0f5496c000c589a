package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// saves is Leases.Get and Leases.Save.
func (c contract) saves(t T) {
	t.Run("an unknown workspace is unknown to every call", func(t T) {
		_, err := c.Get(t.Context(), "nobody")
		wantCode(t, err, fault.WorkspaceUnknown)
		_, err = c.Renew(t.Context(), "nobody", hash("x"), workspace.Signal{Kind: workspace.SignalHeartbeat}, t0)
		wantCode(t, err, fault.WorkspaceUnknown)
	})
	t.Run("a save on a version that has passed is a conflict and changes nothing", c.staleSave)
	t.Run("a save of a workspace that is not there is a conflict", func(t T) {
		f := workspace.Facts{Identity: workspace.Identity{ID: uuid.NewString(), Version: 1}}
		wantCode(t, c.Save(t.Context(), f, f, registry.SaveExtras{}), fault.Conflict)
		_, err := c.Get(t.Context(), f.ID)
		wantCode(t, err, fault.WorkspaceUnknown)
	})
	t.Run("a save in between does not undo a signal", func(t T) {
		f := c.created(t)
		_, err := c.Renew(t.Context(), f.ID, hash("secret"),
			workspace.Signal{Kind: workspace.SignalHeartbeat, From: "a"}, t0)
		must(t, err)
		next := f
		next.Version, next.MaxTasks = 2, 5
		must(t, c.Save(t.Context(), f, next, registry.SaveExtras{}))
		if got := c.read(t, f.ID); !got.HeartbeatAt.Equal(t0) || got.MaxTasks != 5 {
			t.Fatalf("%+v", got)
		}
	})
	t.Run("times are kept to the millisecond, in UTC", func(t T) {
		f := c.created(t)
		next := f
		next.Version, next.HoldSince = 2, t0.Add(1234567).Local()
		must(t, c.Save(t.Context(), f, next, registry.SaveExtras{}))
		same(t, atMillis(next), c.read(t, f.ID))
	})
	t.Run("a use of an enrolment, and a line of the audit trail, go with a save or not at all", c.saveExtras)
}

func (c contract) staleSave(t T) {
	f := c.created(t)
	next := f
	next.Version, next.MaxTasks = 2, 9
	must(t, c.Save(t.Context(), f, next, registry.SaveExtras{}))
	late := f
	late.Version, late.MaxTasks = 2, 1
	late.NextCredential = hash("issued late to " + f.ID)
	entry := activity.AuditEntry{Action: "repair", At: t0}
	extras := registry.SaveExtras{
		Profile: &workspace.ProfileChange{Name: new("late")}, Audit: []activity.AuditEntry{entry},
	}
	wantCode(t, c.Save(t.Context(), f, late, extras), fault.Conflict)
	wantCode(t, c.Save(t.Context(), workspace.Facts{}, f, registry.SaveExtras{}), fault.Conflict)
	same(t, next, c.read(t, f.ID))
	p, err := c.Profile(t.Context(), f.ID)
	must(t, err)
	same(t, createdProfile, p)
	if owner, err := c.Owner(t.Context(), late.NextCredential); err != nil || owner != (workspace.Life{}) {
		t.Fatalf("owner %+v, %v", owner, err)
	}
	if trail, err := c.AuditTrail(t.Context(), f.Life(), "", 10); err != nil || len(trail) != 0 {
		t.Fatalf("%+v, %v", trail, err)
	}
}

func (c contract) saveExtras(t T) {
	e := registry.Enrolment{ID: uuid.NewString(), Hash: hash("enrolment"), Uses: 1, Until: t0.Add(time.Hour)}
	must(t, c.Enrol(t.Context(), e, activity.AuditEntry{Action: "enrolment_issued", At: t0}))
	f := c.created(t)
	next := f
	next.Version++
	entry := activity.AuditEntry{Action: "repair", At: t0}
	other := e
	other.Hash = hash("another")
	refused := registry.SaveExtras{Enrolment: &other, Audit: []activity.AuditEntry{entry}}
	wantCode(t, c.Save(t.Context(), f, next, refused), fault.EnrolmentUnknown)
	same(t, f, c.read(t, f.ID))
	must(t, c.Save(t.Context(), f, next, registry.SaveExtras{Enrolment: &e, Audit: []activity.AuditEntry{entry}}))
	third := next
	third.Version++
	usedUp := registry.SaveExtras{Enrolment: &e, Audit: []activity.AuditEntry{entry}}
	wantCode(t, c.Save(t.Context(), next, third, usedUp), fault.EnrolmentUnknown)
	same(t, next, c.read(t, f.ID))
	// Both have failed: whoever sees a conflict reads again, and then learns of the enrolment.
	wantCode(t, c.Save(t.Context(), f, next, registry.SaveExtras{Enrolment: &e}), fault.Conflict)
	if trail, err := c.AuditTrail(t.Context(), f.Life(), "", 10); err != nil || len(trail) != 1 {
		t.Fatalf("%+v, %v", trail, err)
	}
}
