package storetest

import (
	"errors"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// renews is Leases.Renew.
func (c contract) renews(t T) {
	t.Run("one signal after another does what Observe says", c.signals)
	t.Run("a signal that ends silence, a wedge or errors is noted as such", c.recoveries)
	t.Run("another credential, none, or a removed workspace is refused and nothing changes", c.refusedRenewals)
	t.Run("any signal does to any facts what Observe says, or is refused", func(t T) {
		rapid.Check(t, func(rt *rapid.T) { c.anySignal(t, rt) })
	})
}

// renewed sends a signal, which must do what Observe says, and returns the facts.
func (c contract) renewed(t T, f workspace.Facts, sig workspace.Signal, now time.Time) workspace.Facts {
	t.Helper()
	want := workspace.Observe(f, sig, c.policy, now)
	got, err := c.Renew(t.Context(), f.ID, hash("secret"), sig, now)
	must(t, err)
	same(t, want, got)
	same(t, want, c.read(t, f.ID))
	return got
}

func (c contract) signals(t T) {
	one, zero, high, mid, low := 1, 0, 0.7, 0.3, 0.05
	beat := workspace.SignalHeartbeat
	f := c.created(t)
	for i, sig := range []workspace.Signal{
		{Kind: beat, From: "a"},
		{Kind: beat, From: "b", ActiveTasks: &one, ErrorRate: &high, SampleError: "x", Wedged: true},
		{Kind: workspace.SignalPoll, From: "b"},
		{Kind: workspace.SignalPoll, From: "b", PollsAgain: true},
		{Kind: workspace.SignalCall, From: "d"},
		{Kind: beat, From: "b", ErrorRate: &mid, Wedged: true},
		{Kind: beat, From: "b", ErrorRate: &high, SampleError: "y"},
		{Kind: beat, From: "c", ActiveTasks: &zero, ErrorRate: &low},
		{Kind: beat, From: "b"},
		{Kind: beat, From: "c"},
		{Kind: beat, From: "c", Instance: workspace.BootedAt(t0)},
		{Kind: beat, From: "x", Instance: workspace.BootedAt(t0.Add(-4 * time.Second))},
		{Kind: workspace.SignalPoll, From: "y"},
		{Kind: beat, From: "c", Instance: workspace.OfEpoch(3)},
		{Kind: beat, From: "c", Instance: workspace.BootedAt(t0.Add(3 * time.Second))},
		{Kind: beat, From: "c", Instance: workspace.OfEpoch(3)},
	} {
		f = c.renewed(t, f, sig, t0.Add(time.Duration(i)*time.Second))
	}
}

func (c contract) recoveries(t T) {
	f, low, high := c.created(t), 0.0, 0.9
	for i, step := range []struct {
		after time.Duration
		sig   workspace.Signal
		back  bool
	}{
		{0, workspace.Signal{Wedged: true, ErrorRate: &high}, false},
		{time.Second, workspace.Signal{Wedged: true}, false},
		{time.Second, workspace.Signal{}, true},
		{time.Second, workspace.Signal{ErrorRate: &low}, true},
		{time.Second, workspace.Signal{ErrorRate: &low}, false},
		{c.policy.LeaseTTL + c.policy.Grace - time.Millisecond, workspace.Signal{}, false},
		{c.policy.LeaseTTL + c.policy.Grace, workspace.Signal{}, true},
	} {
		step.sig.Kind, step.sig.From = workspace.SignalHeartbeat, "a"
		now := t0
		if f.HeartbeatAt.After(t0) {
			now = f.HeartbeatAt
		}
		now = now.Add(step.after)
		if f = c.renewed(t, f, step.sig, now); f.RecoveredAt.Equal(now) != step.back {
			t.Fatalf("signal %d: %+v", i, f)
		}
	}
}

func (c contract) refusedRenewals(t T) {
	f := c.created(t)
	beat := workspace.Signal{Kind: workspace.SignalHeartbeat, From: "a"}
	refused := func(h token.Hash) {
		t.Helper()
		_, err := c.Renew(t.Context(), f.ID, h, beat, t0)
		r, ok := errors.AsType[*registry.Refused](err)
		if !ok {
			t.Fatalf("got %v", err)
		}
		same(t, f, r.Facts)
		same(t, f, c.read(t, f.ID))
	}
	refused(hash("other"))
	refused(token.Hash{})
	f = c.change(t, f.ID, func(f *workspace.Facts) { f.Credential = token.Hash{} })
	refused(token.Hash{}) // no credential is not the same as none given
	f = c.change(t, f.ID, func(f *workspace.Facts) { f.Credential, f.Hold = hash("secret"), workspace.Removed })
	refused(hash("secret"))
}

// anySignal saves drawn facts and sends a drawn signal.
func (c contract) anySignal(t T, rt *rapid.T) {
	f := drawFacts(rt, c.policy)
	must(rt, c.Save(t.Context(), workspace.Facts{}, f, registry.SaveExtras{}))
	sig := drawSignal(rt)
	now := t0
	if rapid.Bool().Draw(rt, "between two milliseconds") {
		now = now.Add(500 * time.Microsecond)
	}
	credential := rapid.SampledFrom([]token.Hash{hash("secret"), hash("secret"), hash("other"), {}}).Draw(rt, "credential")
	want := f
	if admitted := credential.Matches(f.Credential) && f.Hold != workspace.Removed; admitted {
		want = atMillis(workspace.Observe(f, sig, c.policy, now))
	}
	got, err := c.Renew(t.Context(), f.ID, credential, sig, now)
	if r, refused := errors.AsType[*registry.Refused](err); refused {
		got = r.Facts
		same(rt, f, want) // it had to be refused
	} else {
		must(rt, err)
	}
	same(rt, want, got)
	stored, err := c.Get(t.Context(), f.ID)
	must(rt, err)
	same(rt, want, stored)
}

// drawFacts draws every field from few values, so that they meet those of a
// signal.
func drawFacts(rt *rapid.T, p workspace.Policy) (f workspace.Facts) {
	addresses := rapid.SampledFrom([]string{"", "a", "b"})
	instances := rapid.SampledFrom([]string{"", "a", workspace.BootedAt(t0).Name, workspace.OfEpoch(3).Name})
	span := p.LeaseTTL + p.Grace
	for _, l := range leavesOf[workspace.Facts]() {
		l.edit(reflect.ValueOf(&f).Elem(), func(field reflect.Value) {
			switch {
			case field.Type() == timeType:
				step := rapid.SampledFrom([]time.Duration{-2 * span, -span, -p.Grace, -1, 0, 1, p.LeaseTTL}).Draw(rt, l.name)
				if step != 1 { // that stands for never
					field.Set(reflect.ValueOf(t0.Add(step.Truncate(time.Millisecond))))
				}
			case field.Type() == hashType:
				field.Set(reflect.ValueOf(rapid.SampledFrom([]token.Hash{hash("secret"), {}}).Draw(rt, l.name)))
			case l.name == "PreviousInstances":
				field.SetString(strings.Join(rapid.SliceOfN(instances, 0, 3).Draw(rt, l.name), " "))
			case l.name == "Instance":
				field.SetString(instances.Draw(rt, l.name))
			case field.Kind() == reflect.String:
				field.SetString(addresses.Draw(rt, l.name))
			case field.Kind() == reflect.Bool:
				field.SetBool(rapid.Bool().Draw(rt, l.name))
			default:
				field.SetInt(rapid.Int64Range(0, 3).Draw(rt, l.name))
			}
		})
	}
	f.ID, f.Version = uuid.NewString(), 1
	f.Hold = rapid.SampledFrom([]workspace.Hold{workspace.NoHold, workspace.Paused, workspace.Removed}).Draw(rt, "Hold")
	return f
}

func drawSignal(rt *rapid.T) workspace.Signal {
	sig := workspace.Signal{
		Kind: rapid.SampledFrom([]workspace.SignalKind{
			workspace.SignalHeartbeat, workspace.SignalPoll, workspace.SignalCall,
		}).Draw(rt, "kind"),
		From: rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "from"),
		Instance: rapid.SampledFrom([]workspace.Instance{
			{}, workspace.BootedAt(t0), workspace.BootedAt(t0.Add(5 * time.Second)), workspace.OfEpoch(3),
		}).Draw(rt, "instance"),
		SampleError: rapid.SampledFrom([]string{"", "x"}).Draw(rt, "sample error"),
		BadMetric:   rapid.SampledFrom([]string{"", "", "x"}).Draw(rt, "bad metric"),
		Wedged:      rapid.Bool().Draw(rt, "wedged"),
		PollsAgain:  rapid.Bool().Draw(rt, "polls again"),
	}
	if n := rapid.IntRange(-1, 2).Draw(rt, "active tasks"); n >= 0 {
		sig.ActiveTasks = &n
	}
	if rate := rapid.SampledFrom([]float64{-1, 0, 0.05, 0.3, 0.7}).Draw(rt, "error rate"); rate >= 0 {
		sig.ErrorRate = &rate
	}
	return sig
}
