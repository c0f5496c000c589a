package app

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/dynamo"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// maxAnyLease is how large a lease item may be in bytes, whatever has happened: all that can be written in it at once.
// A write of up to 1,024 bytes costs one unit, and of up to 2,048 two.
const maxAnyLease = 1653

const (
	longID       = 64
	longPersonID = 8
	longTeam     = 40
	longInstance = len("b") + 13 // an int64 in base 36
	longPrint    = len("u") + 5  // 24 bits in base 36
	longAddress  = "2001:db8:1111:2222:3333:4444:5555:6666"
	longCount    = 999_999_999
)

// longTexts are the longest texts of a lease that are neither one of a closed list nor an address.
var longTexts = map[string]string{
	"ID": strings.Repeat("i", longID), "Team": strings.Repeat("t", longTeam), "FullBy": strings.Repeat("i", longID),
	"PushError": words(workspace.MaxWords), "AnswerError": words(workspace.MaxWords), "LostWhy": words(workspace.MaxWords),
	"SampleError": words(workspace.MaxWords), "BadMetric": words(workspace.MaxWords),
	"RegisterFailedWhy": words(workspace.MaxWords),
	"Instance":          strings.Repeat("b", longInstance), "URLFingerprint": strings.Repeat("u", longPrint),
	"PreviousInstances": strings.Repeat(" "+workspace.HomeEntry(longAddress), 3)[1:],
	"Homes":             "zzzz-z" + strings.Repeat(workspace.HomeEntry(longAddress)+"z", 4),
	"SeenFrom":          longAddress, "BootstrapFrom": longAddress, "RefusedFrom": longAddress,
	"StrangerFrom": longAddress, "GivenBy": strings.Repeat("p", longPersonID),
}

// closedTexts are the texts of a lease that are one of a closed list, each with a long one of it.
var closedTexts = map[string]string{
	"Hold": "removed", "Declared": "push", "DeclaredBy": "operator", "IssuedTo": "operator", "TakenAs": "operator",
	"RefusedWith": "unknown", "StrangerWith": "unknown", "StandsAs": "degraded/credentials_rejected",
	"AnnouncedAs": "degraded/credentials_rejected", "PushFault": "http_status",
}

// longNumbers are the largest numbers of the fields that have a bound.
var longNumbers = map[string]int64{
	"MaxTasks": 64, "ActiveTasks": 100_000, "StartSigns": 40, "SeldomCalls": 99, "SeldomGap": 24 * 3600,
	"PushesEven": 128, "PushesOdd": 128,
}

func words(n int) string { return strings.Repeat("w", n) }

// Facts of which each field is as long as it can be fit in a lease: so do all others. A text that is added to the facts
// needs a bound here, and whoever writes it keeps that.
func TestBudgetOfAnyLease(t *testing.T) {
	var f workspace.Facts
	v := reflect.ValueOf(&f).Elem()
	for _, field := range reflect.VisibleFields(v.Type()) {
		if field.Anonymous {
			continue
		}
		switch to := v.FieldByIndex(field.Index); to.Addr().Interface().(type) {
		case *time.Time:
			to.Set(reflect.ValueOf(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)))
		case *token.Hash:
			to.Set(reflect.ValueOf(token.Digest("secret")))
		default:
			switch to.Kind() {
			case reflect.Bool:
				to.SetBool(true)
			case reflect.String:
				text := longTexts[field.Name] + closedTexts[field.Name]
				if to.SetString(text); text == "" {
					t.Errorf("%s has no bound", field.Name)
				}
			default:
				to.SetInt(cmp.Or(longNumbers[field.Name], longCount))
			}
		}
	}
	size := dynamo.LeaseSize(f)
	fmt.Printf("lease: %-42s item_bytes=%d\n", "whatever happens", size)
	if size > maxAnyLease {
		t.Errorf("a lease can have %d bytes, more than %d", size, maxAnyLease)
	}
}

// keepsBounds fails if a text of the facts is longer than its bound.
func keepsBounds(t *rapid.T, f workspace.Facts) {
	v := reflect.ValueOf(f)
	for name, longest := range longTexts {
		if text := v.FieldByName(name).String(); len(text) > len(longest) {
			t.Fatalf("%s has %d bytes, more than %d: %q", name, len(text), len(longest), text)
		}
	}
	for name, most := range longNumbers {
		if n := v.FieldByName(name).Int(); n < 0 || n > most {
			t.Fatalf("%s is %d, more than %d", name, n, most)
		}
	}
	for name := range closedTexts {
		one := dynamo.LeaseSize(f)
		if text := v.FieldByName(name).String(); len(text) > 2 && one-dynamo.LeaseSize(without(f, name)) > 2+2 {
			t.Fatalf("%s is %q, which is not of its list", name, text)
		}
	}
	if size := dynamo.LeaseSize(f); size > maxAnyLease {
		t.Fatalf("the lease has %d bytes, more than %d: %+v", size, maxAnyLease, f)
	}
}

func without(f workspace.Facts, name string) workspace.Facts {
	reflect.ValueOf(&f).Elem().FieldByName(name).SetZero()
	return f
}

// troubled is a workspace to which all kinds of trouble happen.
type troubled struct {
	*world.World
	id, token string
}

// Whatever happens to a workspace, in any order, no text of its lease is longer than its bound.
func TestNoHistoryOutgrowsALease(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &troubled{World: world.New(t, workspace.Push, "https://agent.example/a2a"), id: strings.Repeat("i", longID)}
		made, err := w.Registry.Create(t.Context(), registry.CreateInput{
			ID: w.id, Team: strings.Repeat("t", longTeam),
		}, w.Now)
		if err != nil {
			rt.Fatal(err)
		}
		w.token = made.AuthToken
		w.Delivery.Policy.MaxOpen = 5
		w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
		rt.Repeat(w.happens())
	})
}

// anyWords are words of an agent, short and long.
func anyWords(t *rapid.T) string {
	return strings.Repeat(rapid.SampledFrom([]string{"w", "é", "no ", `"`, "\x01", ""}).Draw(t, "words"),
		rapid.SampledFrom([]int{1, 40, 500, 100_000}).Draw(t, "times"))
}

func anyAddress(t *rapid.T) string {
	return fmt.Sprintf("2001:db8:1111:2222:3333:4444:5555:%x", rapid.IntRange(0x6660, 0x6666).Draw(t, "address"))
}

func (w *troubled) happens() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": w.check,
		"time passes": func(t *rapid.T) {
			w.Now = w.Now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "seconds")) * time.Second)
		},
		"a heartbeat": w.beats, "a register": w.registers, "a refused call": w.isRefused, "a message": w.isSent,
		"a sweep": func(*rapid.T) { w.SweepOnce() },
		"a drain": func(t *rapid.T) {
			w.expects(t, func() error { _, err := w.Drain(w.T.Context(), w.id, "test"); return err }())
		},
		"the agent fails otherwise": func(t *rapid.T) {
			r := delivery.PushResult{
				Handover: rapid.SampledFrom([]delivery.Handover{
					delivery.Taken, delivery.Busy, delivery.Refused, delivery.AgentError, delivery.Unreachable,
				}).Draw(t, "it"), Why: anyWords(t), TaskError: anyWords(t),
				Fault: rapid.SampledFrom(workspace.PushFaults()).Draw(t, "fault"),
			}
			w.Delivery.Policy.MaxOpen = 5
			w.Agent = func(chat.Message) delivery.PushResult { return r }
		},
		"an operator": w.isOperated,
	}
}

// expects lets a call fail for a reason that is its caller's.
func (w *troubled) expects(t *rapid.T, err error) {
	if _, typed := errors.AsType[*fault.Error](err); err != nil && !typed {
		t.Fatal(err)
	}
}

func (w *troubled) check(t *rapid.T) {
	f, err := w.Registry.Read(w.T.Context(), w.id)
	if err != nil {
		t.Fatal(err)
	}
	keepsBounds(t, f)
}

func (w *troubled) beats(t *rapid.T) {
	rate, whole := rapid.SampledFrom([]float64{0, 0.3, 1}).Draw(t, "rate"), anyWords(t)
	s := workspace.Signal{
		Kind: rapid.SampledFrom([]workspace.SignalKind{
			workspace.SignalHeartbeat, workspace.SignalPoll, workspace.SignalCall,
		}).Draw(t, "kind"),
		From: anyAddress(t), ErrorRate: &rate, SampleError: registry.Beginning(whole), SampleWhole: whole,
		BadMetric: registry.Beginning(anyWords(t)), Wedged: rapid.Bool().Draw(t, "wedged"),
	}
	if rapid.Bool().Draw(t, "it says since when it runs") {
		s.Instance = workspace.BootedAt(w.Now.Add(-time.Duration(rapid.IntRange(0, 3).Draw(t, "hours")) * time.Hour))
	}
	_, err := w.Registry.Signal(w.T.Context(), w.id, w.token, s, w.Now)
	w.expects(t, err)
}

func (w *troubled) registers(t *rapid.T) {
	in := registry.Registration{
		ID: w.id, Credential: w.token, From: anyAddress(t),
		URL: fmt.Sprint("https://agent.example/", rapid.IntRange(0, 3).Draw(t, "path")),
	}
	if rapid.Bool().Draw(t, "it is refused") {
		w.expects(t, w.Registry.FailRegister(w.T.Context(), in, fault.New(fault.InvalidRequest, "%s", anyWords(t)), w.Now))
		return
	}
	made, err := w.Registry.Register(w.T.Context(), in, w.Now)
	w.expects(t, err)
	if err == nil && made.AuthToken != "" {
		w.token = made.AuthToken
	}
}

func (w *troubled) isRefused(t *rapid.T) {
	presented := rapid.SampledFrom([]string{"", "wrong", "x" + w.token}).Draw(t, "with")
	_, err := w.Registry.Signal(w.T.Context(), w.id, presented,
		workspace.Signal{Kind: workspace.SignalHeartbeat, From: anyAddress(t)}, w.Now)
	w.expects(t, err)
}

func (w *troubled) isSent(t *rapid.T) {
	for range rapid.SampledFrom([]int{1, 3, 7}).Draw(t, "many") {
		m := world.Message(uuid.NewString())
		m.Workspace, m.Source = w.id, strings.Repeat("j", longID)
		m.ExpiresAt = w.Now.Add(time.Hour)
		_, err := w.Enqueue(w.T.Context(), m, w.Now)
		w.expects(t, err)
	}
}

func (w *troubled) isOperated(t *rapid.T) {
	by := activity.Actor{Who: people.Person{Name: "op", ID: strings.Repeat("p", longPersonID)}.Actor()}
	var err error
	switch rapid.IntRange(0, 3).Draw(t, "what") {
	case 0:
		_, err = w.Registry.Hold(w.T.Context(), w.id, workspace.Paused, by, w.Now)
	case 1:
		_, err = w.Registry.Hold(w.T.Context(), w.id, workspace.NoHold, by, w.Now)
	case 2:
		_, err = w.Registry.Dismiss(w.T.Context(), w.id, by, w.Now)
	case 3:
		var done registry.Repaired
		done, err = w.Registry.Repair(w.T.Context(), registry.RepairInput{
			ID: w.id, Force: true, From: anyAddress(t), Show: rapid.Bool().Draw(t, "it is shown"), By: by,
		}, w.Now)
		if done.AuthToken != "" {
			w.token = done.AuthToken
		}
	}
	w.expects(t, err)
}
