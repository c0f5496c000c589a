package registry

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Leases is the table of facts. Errors: workspace_unknown, conflict,
// platform_unavailable.
type Leases interface {
	// Get reads one workspace's facts, strongly consistent.
	Get(ctx context.Context, id string) (workspace.Facts, error)
	// Renew applies a signal in one conditional write, which is the
	// authentication too, and returns the facts after it. When the credential is
	// not the one in use it writes nothing and returns a *Refused.
	Renew(ctx context.Context, id string, credential token.Hash, s workspace.Signal, now time.Time) (
		workspace.Facts, error)
	// Save writes what differs between old and next, and the extras, together, if
	// old.Version is still stored (a zero old: if nothing is stored). When next is
	// another life than old, nothing that is stored stays. A credential
	// that next has and old had not can be found by Owners from then on. Errors: conflict when
	// extras.Brought is or was another workspace's; enrolment_unknown when the enrolment can't be used any more.
	Save(ctx context.Context, old, next workspace.Facts, extras SaveExtras) error
	// Precede has an operator's act come first until a time (workspace.Facts.PrecedenceUntil) and raises the version, so
	// that who read the facts before can't save any more. It depends on nothing that is stored but the workspace: no
	// writer holds it up.
	Precede(ctx context.Context, id string, until time.Time) error
	// NoteRefusal writes what workspace.Refuse made of old, if old's version and
	// refusals are still stored: of many refused at once, one is noted.
	NoteRefusal(ctx context.Context, old, next workspace.Facts) error
	// GetAll reads the facts of many, each strongly consistent, in no order; unknown ones are left out.
	GetAll(ctx context.Context, ids ...string) ([]workspace.Facts, error)
	// Page lists facts in no order, from a cursor ("": the start); next is "" at
	// the end. It is strongly consistent.
	Page(ctx context.Context, cursor string, limit int) (facts []workspace.Facts, next string, err error)
	// Scan lists the facts of a segment in no order, from a cursor of the same segment. It costs half of Page, and what
	// it lists may be of a moment ago: who acts on it reads it again.
	Scan(ctx context.Context, s workspace.Segment, cursor string, limit int) (
		facts []workspace.Facts, next string, err error)
}

// Refused is Leases.Renew's "not with this credential", with the facts as they
// stand.
type Refused struct{ Facts workspace.Facts }

// Error implements error.
func (r *Refused) Error() string { return "credential refused" }

// SaveExtras is what a change of facts brings with it, written together with it
// or not at all.
type SaveExtras struct {
	Profile   *workspace.ProfileChange // nil: none
	Enrolment *Enrolment               // one use of it is taken
	Brought   token.Hash               // the credential that the agent brought for its own; zero: none
	Audit     []activity.AuditEntry    // the lines of the audit trail that it is worth
}

// Profiles is what no heartbeat needs. A workspace without one has the zero
// Profile. Error: platform_unavailable.
type Profiles interface {
	// Profile is without a card that is kept apart.
	Profile(ctx context.Context, id string) (workspace.Profile, error)
	// Card is the card that is kept apart; nil: none. It may be another one than that of a profile that was read before.
	Card(ctx context.Context, id string) ([]byte, error)
	// Profiles reads many at once, without their cards; unknown ones are left out.
	Profiles(ctx context.Context, ids ...string) (map[string]workspace.Profile, error)
	// Quote keeps words of the agent if the profile has this URL, at which it said them. Otherwise nothing changes.
	Quote(ctx context.Context, id, url string, said workspace.Words) error
}

// Owners finds the workspace a credential was issued to. The answer is a hint
// where to look: only the lease says whether the credential is still good.
type Owners interface {
	// Owner is the life that the credential was issued in; zero when it was issued to
	// nobody.
	Owner(ctx context.Context, credential token.Hash) (workspace.Life, error)
}

// FleetStore keeps what the sweeper knows of the platform itself.
type FleetStore interface {
	// Fleet is when the last sweep began, when the last one ended, the last gap
	// between sweeps, and how large the fleet is.
	Fleet(ctx context.Context) (workspace.Fleet, error)
	// NoteSweep notes that a sweep begins, and the last gap between sweeps.
	NoteSweep(ctx context.Context, fl workspace.Fleet) error
	// NoteSweepEnd notes what a sweep has found at its end: SweepEndedAt, Workspaces, Agents and QueueCursor.
	NoteSweepEnd(ctx context.Context, fl workspace.Fleet) error
	// NotePass notes where the next sweep begins, and what was counted before.
	NotePass(ctx context.Context, p workspace.Pass) error
	// Agents is how many agents call, as a sweep has counted them a while ago.
	Agents(ctx context.Context) (int, error)
	// ClaimSegment gives a segment to a worker until a time, for a sweep's task, and says how it stood before. It is not
	// claimed while another worker has it, nor for a task that is not newer than the last one.
	ClaimSegment(ctx context.Context, s workspace.Segment, task, now, until time.Time) (
		was workspace.SegmentState, claimed bool, err error)
	// NoteSegment notes how a segment stands, for the worker that has it until a time. To note the same again is no
	// error: the first reply may be lost. Error: conflict, when it is another's by now.
	NoteSegment(ctx context.Context, until time.Time, s workspace.SegmentState) error
	// SegmentStates are the states of the segments that were ever claimed, whatever they were a part of.
	SegmentStates(ctx context.Context) ([]workspace.SegmentState, error)
}

// Wakeups wakes the drain of a workspace. A wake-up may be lost or doubled
// without harm: the sweeper sends another.
type Wakeups interface {
	Send(ctx context.Context, id, cause string, after time.Duration) error
	// SendSlow wakes it in the slow lane, at once: few drains are at work there, and
	// they alone wait for agents that hung last time.
	SendSlow(ctx context.Context, id, cause string) error
	// SendCallbacks wakes it in the lane of callbacks, at once: nobody's mail waits there.
	SendCallbacks(ctx context.Context, id, cause string) error
}

// StatusLog records a change of the verdict that a call brought about. It fails no
// call.
type StatusLog interface {
	RecordCall(ctx context.Context, f workspace.Facts, now time.Time)
	// Record does it for one whose agent may be silent, which is judged amid its fleet.
	Record(ctx context.Context, f workspace.Facts, fl workspace.Fleet, now time.Time) (changed bool, err error)
}

// URLGuard says why policy forbids to call a URL; "" when it allows that.
type URLGuard interface {
	Objection(rawURL string) (why string)
}
