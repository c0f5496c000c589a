package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
)

// enrolments is registry.Enrolments.
func (c contract) enrolments(t T) {
	issued := activity.AuditEntry{Action: "enrolment_issued", At: t0}
	withdrawn := activity.AuditEntry{Action: "enrolment_withdrawn", At: t0.Add(time.Second)}
	t.Run("an enrolment has so many uses", func(t T) {
		e := registry.Enrolment{ID: uuid.NewString(), Hash: hash("enrolment"), Uses: 2, Until: t0.Add(time.Hour)}
		must(t, c.Enrol(t.Context(), e, issued))
		for _, want := range []int{1, 0} {
			f := c.created(t)
			next := f
			next.Version++
			must(t, c.Save(t.Context(), f, next, registry.SaveExtras{Enrolment: &e}))
			got, err := c.Enrolment(t.Context(), e.ID)
			must(t, err)
			if got.Uses != want {
				t.Fatalf("%d uses are left, want %d", got.Uses, want)
			}
		}
	})
	t.Run("a withdrawn one is unknown, and the trail says who did what", func(t T) {
		e := registry.Enrolment{ID: uuid.NewString(), Hash: hash("e"), Uses: 1, Until: t0, Workspace: uuid.NewString()}
		must(t, c.Enrol(t.Context(), e, issued))
		must(t, c.Withdraw(t.Context(), e.ID, withdrawn))
		_, err := c.Enrolment(t.Context(), e.ID)
		wantCode(t, err, fault.EnrolmentAbsent)
		wantCode(t, c.Withdraw(t.Context(), e.ID, withdrawn), fault.EnrolmentAbsent)
		trail, err := c.AuditTrail(t.Context(), first(e.Workspace), "", 10)
		must(t, err)
		var actions []string
		for _, row := range trail {
			actions = append(actions, row.Method)
		}
		same(t, []string{"enrolment_withdrawn", "enrolment_issued"}, actions)
	})
}
