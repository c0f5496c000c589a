package registry_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// damages are ways to damage a credential, %, of each kind that the text shows.
var damages = []string{
	`"%"`, "'%'", "[%]", `%\n`, "ROLLCALL_TOKEN=%", `{"token":"%"}`, "Bearer %", "UPPER", "$ROLLCALL_TOKEN", "${TOKEN}",
	"%TOKEN%", "<token>", "'$TOKEN'", "{{ .Token }}", "CUT",
}

// damage is a credential damaged in one of these ways.
func damage(way, credential string) string {
	switch way {
	case "%TOKEN%":
		return way
	case "UPPER":
		return strings.ToUpper(credential)
	case "CUT":
		return credential[:40]
	}
	return strings.Replace(way, "%", credential, 1)
}

// Whatever an agent does to its good credential, and whatever it calls: what its caller is told, its operator is told
// too, once its next accepted call is overdue, and that no repair mends it. A repair is refused without force. Done as
// the words say, the agent is well at once, with the credential that it had.
func TestADamagedCredentialIsToldAndNotEnded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r, a := working(t)
		good := a.token
		sent := damage(rapid.SampledFrom(damages).Draw(rt, "damage"), good)
		kind, inner := token.DamageOf(sent)
		now := t0.Add(time.Duration(rapid.IntRange(1, 300).Draw(rt, "seconds")) * time.Second)
		for range rapid.IntRange(3, 5).Draw(rt, "calls") {
			a.token = sent
			if rapid.Bool().Draw(rt, "a register") {
				_, err := r.Register(t.Context(), registry.Registration{ID: "w", From: address, Credential: sent}, now)
				if err == nil {
					rt.Fatal("it was let in")
				}
			} else if code := a.heartbeat("w", now); code == "" {
				rt.Fatal("it was accepted")
			}
			now = now.Add(31 * time.Second)
		}
		now = now.Add(-30 * time.Second)
		e := workspace.Fleet{}.Explain(mustRead(t, r), r.Policy, now)
		told := strings.Join([]string{e.Summary, e.Next, e.Text()}, "\n")
		if e.Reason != workspace.ReasonCredentialsRejected || strings.HasPrefix(e.Command, "rollcall repair") ||
			!strings.Contains(e.Next, sentWords[kind]) || !strings.Contains(e.Summary, sentWords[kind]) ||
			!strings.Contains(e.Next, "a repair would end it") || inner != "" != strings.Contains(e.Next, "itself is good") ||
			strings.Contains(told, "unknown credential") || strings.Contains(told, sent) {
			rt.Fatalf("of %q it says: %s", kind, told)
		}
		_, err := r.Repair(t.Context(), registry.RepairInput{ID: "w", By: operator, From: address}, now)
		if refused, ok := errors.AsType[*fault.Error](err); !ok || refused.Code != fault.CredentialInUse ||
			!strings.Contains(refused.Message, sentWords[kind]) {
			rt.Fatalf("a repair: %v", err)
		}
		a.token = good
		if code := a.heartbeat("w", now); code != "" {
			rt.Fatalf("sent as it was shown, it is refused: %s", code)
		}
	})
}

// sentWords are words that the operator is told of each kind.
var sentWords = map[token.Damage]string{
	token.Enclosed: "in quotation marks or in brackets", token.Beside: "with something beside it",
	token.Capitals: "in capitals", token.Unreplaced: "the name of a variable or a placeholder",
	token.CutOff: "cut off", token.Mistyped: "mistyped", token.Misplaced: "a header of another form",
}

// A damaged credential whose inside is not the workspace's is told as that: taking it out of there mends nothing, and
// the command shows one to place. No window is opened without force, as the agent would not read what it fetches.
func TestAnothersDamagedCredentialIsReplaced(t *testing.T) {
	r, a := working(t)
	another, _ := token.Mint(token.Workspace)
	a.token = `"` + another + `"`
	for i := range 3 {
		a.heartbeat("w", t0.Add(time.Duration(i)*31*time.Second))
	}
	now := t0.Add(63 * time.Second)
	e := workspace.Fleet{}.Explain(mustRead(t, r), r.Policy, now)
	if e.Command != "rollcall repair w --show" || !strings.Contains(e.Next, "is not this workspace's credential") {
		t.Fatal(e.Text())
	}
	asked := registry.RepairInput{ID: "w", By: operator}
	if _, err := r.Repair(t.Context(), asked, now); fault.CodeOf(err) != fault.CredentialInUse {
		t.Fatalf("a window: %v", err)
	}
	asked.Show = true
	shown, err := r.Repair(t.Context(), asked, now)
	if err != nil {
		t.Fatal(err)
	}
	a.token = `"` + shown.AuthToken + `"` // it is placed in quotation marks again
	for i := range 2 {
		a.heartbeat("w", now.Add(time.Duration(i+1)*31*time.Second))
	}
	now = now.Add(63 * time.Second)
	e = workspace.Fleet{}.Explain(mustRead(t, r), r.Policy, now)
	if e.Command != "rollcall doctor w" || !strings.Contains(e.Next, "good credential in quotation marks") {
		t.Fatal(e.Text())
	}
	a.token = shown.AuthToken
	if code := a.heartbeat("w", now); code != "" {
		t.Fatal(code)
	}
}

// What a stranger sends from elsewhere changes no status, and puts no command in front of an operator that ends a
// credential. It keeps no repair from being made. Of an agent that was never heard, it says what its caller is told.
func TestAStrangersDamageHurtsNobody(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r, a := working(t)
		other, _ := token.Mint(token.Workspace)
		sent := damage(rapid.SampledFrom(damages).Draw(rt, "damage"), other)
		now := t0.Add(time.Second)
		_, err := r.Signal(t.Context(), "w", sent, workspace.Signal{Kind: workspace.SignalPoll, From: "6.6.6.6"}, now)
		if err == nil {
			rt.Fatal("it was accepted")
		}
		f := mustRead(t, r)
		if e := (workspace.Fleet{}).Explain(f, r.Policy, now); e.Status != workspace.StatusOnline || e.Command != "" {
			rt.Fatal(e.Text())
		}
		late := now.Add(5 * time.Minute)
		if e := (workspace.Fleet{}).Explain(f, r.Policy, late); strings.Contains(e.Command, "repair") ||
			strings.Contains(e.Next, "--from") {
			rt.Fatal(e.Text())
		}
		if err := f.CheckDamaged(false, r.Policy, late); err != nil {
			rt.Fatalf("it keeps a repair from being made: %v", err)
		}
		if code := a.heartbeat("w", late); code != "" {
			rt.Fatal(code)
		}
		if _, err := r.Create(t.Context(), registry.CreateInput{ID: "new", By: operator}, now); err != nil {
			rt.Fatal(err)
		}
		_, _ = r.Signal(t.Context(), "new", sent, workspace.Signal{Kind: workspace.SignalPoll, From: "6.6.6.6"}, now)
		f, err = r.Read(t.Context(), "new")
		kind, _ := token.DamageOf(sent)
		if e := (workspace.Fleet{}).Explain(f, r.Policy, now); err != nil || e.Command != "rollcall doctor new" ||
			!strings.Contains(e.Next, sentWords[kind]) {
			rt.Fatal(e.Text())
		}
	})
}

// A header in another form than Bearer CREDENTIAL is noted with its kind, as its caller is told it.
func TestAMisplacedCredentialIsTold(t *testing.T) {
	r, a := working(t)
	for i := range 3 {
		refusal := workspace.Misplacing(workspace.SignalHeartbeat, address, "Bearer Bearer "+a.token)
		if err := r.NoteRefused(t.Context(), "w", refusal, t0.Add(time.Duration(i)*31*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	e := workspace.Fleet{}.Explain(mustRead(t, r), r.Policy, t0.Add(63*time.Second))
	if e.Command != "rollcall doctor w" || !strings.Contains(e.Next, sentWords[token.Misplaced]) ||
		!strings.Contains(e.Next, "itself is good") {
		t.Fatal(e.Text())
	}
	if err := r.NoteRefused(t.Context(), "nobody", workspace.Misplacing("", address, "x"), t0); err != nil {
		t.Fatal(err)
	}
}

// Of an agent whose refused calls have its good credential in them, nothing says that it is missing or not accepted.
// Nothing says that nothing is heard of it while it calls.
func TestNothingFalseIsSaidOfAGoodCredential(t *testing.T) {
	for _, way := range append([]string{"header"}, damages...) {
		r, a := working(t)
		refusal := workspace.Presenting(workspace.SignalHeartbeat, address, damage(way, a.token))
		if way == "header" {
			refusal = workspace.Misplacing(workspace.SignalHeartbeat, address, "Token "+a.token)
		}
		if refusal.Inner != token.Digest(a.token) {
			continue
		}
		now := t0
		for ; now.Before(t0.Add(10 * time.Minute)); now = now.Add(8 * time.Second) {
			if err := r.NoteRefused(t.Context(), "w", refusal, now); err != nil {
				t.Fatal(err)
			}
			told := workspace.Fleet{}.Explain(mustRead(t, r), r.Policy, now)
			if strings.Contains(told.Text(), "is heard of its agent") || now.After(t0.Add(time.Minute)) &&
				!strings.Contains(told.Summary, "good credential") {
				t.Fatalf("%s, after %s: %s", way, now.Sub(t0), told.Text())
			}
		}
		for ; now.Before(t0.Add(30 * time.Hour)); now = now.Add(7 * time.Minute) {
			told := workspace.Fleet{}.Explain(mustRead(t, r), r.Policy, now)
			for _, wrong := range []string{"isn't accepted", "is missing"} {
				if strings.Contains(told.Text(), wrong) {
					t.Fatalf("%s, after %s: %s", way, now.Sub(t0), told.Text())
				}
			}
		}
	}
}
