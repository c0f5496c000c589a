package registry_test

import (
	"context"
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

// tester is a test, or a run of a property.
type tester interface {
	rapid.TB
	Context() context.Context
}

// keeper is an agent with a place where it takes its credential from, and its operator.
type keeper struct {
	t     tester
	r     *registry.Registry
	held  string              // what stands in that place
	whole string              // the credential that the operator could place; "": nobody has it any more
	adds  func(string) string // what its configuration makes of what stands there
	// stores is that it writes there what a register gives it.
	stores bool
	// then is what it registers with once more, when a register with its credential is refused.
	then *registry.Registration
	// tries is how often it begins anew before it gives up.
	tries int
	from  string
	now   time.Time
}

func (k *keeper) sends() string { return k.adds(k.held) }

// register registers once, and keeps what it is given if it does so.
func (k *keeper) register(in registry.Registration) error {
	in.ID, in.From = "w", k.from
	out, err := k.r.Register(k.t.Context(), in, k.now)
	if out.AuthToken != "" && k.stores {
		k.held = out.AuthToken
	}
	return err
}

// boots starts the agent, and reports whether it is well: all that it calls is accepted.
func (k *keeper) boots() bool {
	for range k.tries {
		err := k.register(registry.Registration{Credential: k.sends()})
		if err != nil && k.then != nil {
			err = k.register(*k.then)
		}
		k.now = k.now.Add(31 * time.Second)
		if err != nil {
			continue // it does nothing before it is registered
		}
		for _, kind := range []workspace.SignalKind{workspace.SignalHeartbeat, workspace.SignalPoll} {
			_, err = k.r.Signal(k.t.Context(), "w", k.sends(), workspace.Signal{Kind: kind, From: k.from}, k.now)
			k.now = k.now.Add(31 * time.Second)
		}
		if err == nil {
			return true
		}
	}
	k.now = k.now.Add(5 * time.Minute) // it gives up, and its lease ends
	return false
}

func (k *keeper) facts() workspace.Facts {
	f, err := k.r.Read(k.t.Context(), "w")
	if err != nil {
		k.t.Fatal(err)
	}
	return f
}

// explained is what an operator is told.
func (k *keeper) explained() workspace.Explanation {
	return workspace.Fleet{}.Explain(k.facts(), k.r.Policy, k.now)
}

// repair is the operator's command. One without force ends no good credential that stands in what the agent sends.
func (k *keeper) repair(in registry.RepairInput) error {
	in.ID, in.By = "w", operator
	f := k.facts()
	out, err := k.r.Repair(k.t.Context(), in, k.now)
	if _, inner := token.DamageOf(k.sends()); err == nil && !in.Force && f.Accepts(token.Digest(inner)) {
		k.t.Fatalf("%+v ended a good credential", in)
	}
	if err == nil {
		k.whole = ""
	}
	if in.Show && err == nil {
		k.place(out.AuthToken)
	}
	return err
}

// place has a credential stand alone where the agent takes its own from.
func (k *keeper) place(whole string) {
	k.held, k.whole, k.adds = whole, whole, func(held string) string { return held }
}

// follow does what the next step says.
func (k *keeper) follow(e workspace.Explanation) {
	in := registry.RepairInput{}
	words := strings.Fields(e.Command)
	switch _, inner := token.DamageOf(k.sends()); {
	case strings.HasPrefix(e.Command, "rollcall repair w"):
		in.Show = strings.HasSuffix(e.Command, " --show")
		if len(words) == 5 && words[3] == "--from" {
			in.From = words[4]
		}
	case e.Command == "rollcall enrol w":
		text, _, err := k.r.Enrol(k.t.Context(), "w", 1, time.Hour, operator, k.now)
		if err != nil {
			k.t.Fatal(err)
		}
		k.then = &registry.Registration{Enrolment: text}
		return
	case e.Command == "rollcall doctor w" && strings.Contains(e.Next, "itself is good"):
		k.place(inner)
		return
	case e.Command == "rollcall doctor w" && k.whole != "":
		k.place(k.whole)
		return
	case e.Command == "rollcall doctor w" && strings.Contains(e.Next, "is lost, rollcall repair w --show"):
		in.Show = true
	default:
		k.t.Fatalf("nothing can be done: %s", e.Text())
	}
	if err := k.repair(in); err != nil {
		k.t.Fatalf("%s: %v", e.Command, err)
	}
}

// ways are how an agent may have come to its credential.
var ways = []string{"fetched", "enrolled", "enrolled and not used", "rotated", "placed"}

// starting is an agent that came to its credential in a way, and is well. Its operator has the credential only where
// it was placed.
func starting(t tester, way string) *keeper {
	k := &keeper{t: t, r: deployed(), stores: true, tries: 2, from: address, now: t0}
	k.place("")
	must := func(err error) {
		if err != nil {
			t.Fatal(way, err)
		}
	}
	if strings.HasPrefix(way, "enrolled") {
		text, _, err := k.r.Enrol(t.Context(), "w", 1, time.Hour, operator, k.now)
		must(err)
		must(k.register(registry.Registration{Enrolment: text}))
	} else {
		made, err := k.r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, k.now)
		must(err)
		k.place(made.AuthToken)
		must(k.register(registry.Registration{Credential: k.held}))
	}
	switch way {
	case "fetched":
		must(k.repair(registry.RepairInput{Force: true}))
		must(k.register(registry.Registration{}))
	case "rotated":
		own := registry.Own{Credential: k.held, Life: k.facts().Lives}
		_, text, err := k.r.Rotate(t.Context(), registry.RotateInput{ID: "w", To: workspace.ToAgent, Own: own}, k.now)
		must(err)
		k.held = text
	}
	if way != "placed" {
		k.whole = ""
	}
	if way != "enrolled and not used" && !k.boots() {
		t.Fatal(way, "is not well")
	}
	return k
}

// Whatever kind of agent sends its credential damaged, and however: who does what the next step says has it well within
// two steps, and ends no good credential that the agent sends. For one that keeps a file, whose credential is lost,
// that is one command, and nothing is placed by hand. A plain repair leads there too, and its refusal names force where
// that mends.
func TestTheNextStepOfADamagedCredentialMends(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		took := rapid.SampledFrom(ways).Draw(rt, "way")
		k := starting(rt, took)
		way := rapid.SampledFrom(damages).Draw(rt, "damage")
		kind := rapid.SampledFrom([]string{"file", "environment", "adds"}).Draw(rt, "kind")
		then := rapid.SampledFrom([]string{"", "none", "token"}).Draw(rt, "fallback")
		switch then {
		case "none":
			k.then = &registry.Registration{}
		case "token":
			k.then = &registry.Registration{Enrolment: "rce_of_long_ago"}
		}
		k.stores = kind != "environment"
		k.tries = rapid.IntRange(1, 3).Draw(rt, "tries")
		if kind == "adds" {
			k.adds = func(held string) string { return damage(way, held) }
		} else {
			k.held = damage(way, k.held)
		}
		if k.boots() {
			rt.Fatal("it is well")
		}
		if rapid.Bool().Draw(rt, "a plain repair first") {
			switch err := k.repair(registry.RepairInput{}); {
			case err == nil && k.boots():
				return
			case err != nil && k.refused(err) && kind == "file":
				if err := k.repair(registry.RepairInput{Force: true}); err != nil || !k.boots() {
					rt.Fatal("force does not mend it: ", err)
				}
				return
			}
		}
		_, inner := token.DamageOf(k.sends())
		asksForToken := took == "enrolled and not used" && then == "token" // another token mends it as well
		fetches := kind == "file" && took != "placed" && inner == "" && !asksForToken
		for i := range 2 {
			e := k.explained()
			opens := strings.HasPrefix(e.Command, "rollcall repair w") && !strings.Contains(e.Command, "--show")
			if fetches && (i > 0 || !opens) {
				rt.Fatalf("no command mends it: %s", e.Text())
			}
			k.follow(e)
			if k.boots() {
				if e := k.explained(); e.Reason == workspace.ReasonCredentialsRejected || e.Command != "" {
					rt.Fatal(e.Text())
				}
				return
			}
		}
		rt.Fatalf("it is not well: %s", k.explained().Text())
	})
}

// Whatever kind of agent has lost its credential, or goes on with one that is good no more: the command that is named
// mends it, in one step. A window is named only to an agent that has kept what a register gave it. Of one whose last
// credential was placed by hand nobody knows that: it is shown one, and the other command is said beside it.
func TestTheNextStepOfALostCredentialMends(t *testing.T) {
	const window, show = "rollcall repair w --from " + address, "rollcall repair w --show"
	old, _ := token.Mint(token.Workspace)
	for _, took := range ways {
		for _, sent := range []string{"", old, "garbage-of-long-ago"} {
			for _, stores := range []bool{true, false} {
				k := starting(t, took)
				if !stores && took != "placed" {
					continue // how it came to it shows that it stores
				}
				k.stores, k.held = stores, sent
				k.adds = func(held string) string { return held }
				if k.boots() {
					t.Fatal("it is well")
				}
				e := k.explained()
				want := window
				if took == "placed" {
					want = show
				}
				if e.Command != want || took == "placed" && !strings.Contains(e.Next, "is mended by "+window) {
					t.Fatalf("%s, %q: %s", took, sent, e.Text())
				}
				if k.follow(e); !k.boots() {
					t.Fatalf("%s, %q, stores %t: %s does not mend it: %s", took, sent, stores, e.Command, k.explained().Text())
				}
			}
		}
	}
}

// Whatever else an agent sends in place of its credential that Rollcall made: its operator is told what it is, and the
// next step mends it. Of a good enrolment token that is no repair: it would end the token.
func TestWhatElseStandsInPlaceOfACredential(t *testing.T) {
	const (
		window = "rollcall repair w --from " + address
		show   = "rollcall repair w --show"
		look   = "rollcall doctor w"
	)
	for _, c := range []struct {
		kind, took    string
		says, command string
		plain         fault.Code // of a plain repair
	}{
		{"good token", "fetched", "an enrolment token", look, fault.CredentialInUse},
		{"good token", "placed", "an enrolment token", look, fault.CredentialInUse},
		{"good token", "new", "an enrolment token", look, fault.CredentialInUse},
		{"token for another", "fetched", "an enrolment token", window, ""},
		{"token for another", "placed", "an enrolment token", show, fault.CredentialInUse},
		{"person's", "fetched", "a person's credential", look, ""},
		{"person's", "placed", "a person's credential", look, ""},
		{"root's", "placed", "a person's credential", look, ""},
		{"secret", "fetched", "the secret that calls to it are signed with", window, ""},
		{"secret", "placed", "the secret that calls to it are signed with", show, fault.CredentialInUse},
		{"another agent's", "placed", "is missing, or isn't accepted", show, ""}, // it is no other kind
	} {
		t.Run(c.kind+" "+c.took, func(t *testing.T) {
			k := &keeper{t: t, r: deployed(), stores: true, tries: 2, from: address, now: t0}
			if c.took == "new" {
				made, err := k.r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, k.now)
				if err != nil {
					t.Fatal(err)
				}
				k.place(made.AuthToken)
			} else {
				k = starting(t, c.took)
			}
			id := map[bool]string{true: "w", false: "other"}[c.kind == "good token"]
			enrolment, _, err := k.r.Enrol(t.Context(), id, 1, time.Hour, operator, k.now)
			if err != nil {
				t.Fatal(err)
			}
			own := k.held
			person, _ := token.Mint(token.Person)
			root, _ := token.Mint(token.Operator)
			another, _ := token.Mint(token.Workspace)
			k.held = map[string]string{
				"good token": enrolment, "token for another": enrolment, "person's": person, "root's": root,
				"secret": token.SigningSecret(), "another agent's": another,
			}[c.kind]
			whole := k.held
			anothers := c.says == "a person's credential" // it is no refusal of the agent's
			k.now = k.now.Add(10 * time.Minute)
			for _, text := range []string{whole, `"` + whole + `"`, whole} {
				refusal := workspace.Presenting(workspace.SignalRegister, address, text)
				if err := k.r.NoteRefused(t.Context(), "w", refusal, k.now); err != nil {
					t.Fatal(err)
				}
				k.now = k.now.Add(61 * time.Second)
			}
			e := k.explained()
			if e.Command != c.command || !strings.Contains(e.Summary, c.says) || strings.Contains(e.Text(), whole) {
				t.Errorf("%s", e.Text())
			}
			if anothers {
				k.place(own)
			} else {
				_, err = k.r.Repair(t.Context(), registry.RepairInput{ID: "w", By: operator, From: address}, k.now)
			}
			if code := fault.CodeOf(err); code != c.plain {
				t.Errorf("a plain repair: %v", err)
			}
			switch {
			case c.kind == "good token":
				if !strings.Contains(e.Next, "as enrolment_token in the body") || !strings.Contains(e.Next, "oken is good") {
					t.Error(e.Text())
				}
				if err := k.register(registry.Registration{Enrolment: whole}); err != nil {
					t.Error(err)
				}
			case c.command == show:
				k.follow(e)
			}
			if c.took != "new" && !k.boots() {
				t.Errorf("it is not mended: %s", k.explained().Text())
			}
		})
	}
}

// refused reports whether the refusal of a plain repair names force as what mends.
func (k *keeper) refused(err error) bool {
	refused, ok := errors.AsType[*fault.Error](err)
	if !ok || refused.Code != fault.CredentialInUse {
		k.t.Fatal(err)
	}
	const fetches = "the agent fetches another, as it has done before: rollcall repair w --from " + address + " --force"
	return strings.Contains(refused.Hint, fetches) || strings.Contains(refused.Hint, "open one with force")
}

// What an operator is told, and whether a plain repair is made, follows from how the agent came to its credential,
// whether the damaged text has a good one in it, and whether it came from the agent's own address.
func TestTheRuleOfADamagedCredential(t *testing.T) {
	const (
		window = "rollcall repair w --from " + address
		show   = "rollcall repair w --show"
		look   = "rollcall doctor w"
		made   = "" // the plain repair is made
		force  = "the agent fetches another, as it has done before: " + window + " --force"
		ending = "To end the credential all the same"
		ifKept = "open one with force"
	)
	for _, c := range []struct {
		took, damage string
		elsewhere    bool
		command      string
		says         string // what the next step says
		plain        string // what the refusal of a plain repair says
	}{
		{"fetched", "CUT", false, window, "is damaged: give it a new one with rollcall repair", made},
		{"fetched", "$TOKEN", false, window, "is damaged: give it a new one with rollcall repair", made},
		{"fetched", "another's", false, window, "is damaged: give it a new one with rollcall repair", made},
		{"fetched", `"%"`, false, look, "itself is good", force},
		{"fetched", "header", false, look, "the word Bearer", ending},
		{"enrolled", "CUT", false, window, "is damaged: give it a new one", made},
		{"enrolled and not used", "CUT", false, window, "is damaged: give it a new one", made},
		{"rotated", "CUT", false, window, "is damaged: give it a new one", made},
		{"placed", "CUT", false, look, show + " shows another", ifKept},
		{"placed", "$TOKEN", false, look, show + " shows another", ifKept},
		{"placed", "another's", false, show, "is not this workspace's credential", ifKept},
		{"placed", `"%"`, false, look, "and mend nothing", ending},
		{"placed", "header", false, look, "the word Bearer", ending},
		{"fetched", "CUT", true, look, "nothing shows that its credential is lost", made},
		{"fetched", `"%"`, true, look, "the credential itself was good", made},
		{"placed", "CUT", true, look, "nothing shows that its credential is lost", made},
	} {
		t.Run(c.took+" "+c.damage, func(t *testing.T) {
			k := starting(t, c.took)
			sent, at := "", k.from
			switch c.damage {
			case "another's":
				other, _ := token.Mint(token.Workspace)
				sent = `"` + other + `"`
			case "header":
			default:
				sent = damage(c.damage, k.held)
			}
			if c.elsewhere {
				at = "6.6.6.6"
			}
			k.now = k.now.Add(10 * time.Minute)
			for range 2 {
				refusal := workspace.Presenting(workspace.SignalRegister, at, sent)
				if c.damage == "header" {
					refusal = workspace.Misplacing(workspace.SignalRegister, at, "Bearer Bearer "+k.held)
				}
				if err := k.r.NoteRefused(t.Context(), "w", refusal, k.now); err != nil {
					t.Fatal(err)
				}
				k.now = k.now.Add(31 * time.Second)
			}
			e := k.explained()
			if c.elsewhere && strings.Contains(e.Command, "repair") || !c.elsewhere && e.Command != c.command ||
				!strings.Contains(e.Next, c.says) {
				t.Errorf("%+v: %s", c, e.Text())
			}
			_, err := k.r.Repair(t.Context(), registry.RepairInput{ID: "w", By: operator}, k.now)
			refused, ok := errors.AsType[*fault.Error](err)
			if c.plain == made && err != nil || c.plain != made && (!ok || refused.Code != fault.CredentialInUse ||
				!strings.Contains(refused.Hint, c.plain)) {
				t.Errorf("%+v: a plain repair: %+v", c, err)
			}
		})
	}
}

// An agent that fetched its credential, and sends it whole in some of its calls, has it: no repair is the next step,
// and its refusal says what is.
func TestACredentialThatIsAcceptedBesideIsNotEnded(t *testing.T) {
	k := starting(t, "fetched")
	for range 4 {
		for kind, sent := range map[workspace.SignalKind]string{
			workspace.SignalHeartbeat: k.held, workspace.SignalPoll: damage("CUT", k.held),
		} {
			_, _ = k.r.Signal(t.Context(), "w", sent, workspace.Signal{Kind: kind, From: k.from}, k.now)
		}
		k.now = k.now.Add(31 * time.Second)
	}
	const says = "let all calls of the agent send the credential that its accepted ones send"
	if e := k.explained(); e.Command != "rollcall doctor w" || !strings.Contains(e.Next, says) {
		t.Error(e.Text())
	}
	refused, ok := errors.AsType[*fault.Error](k.repair(registry.RepairInput{}))
	if !ok || refused.Code != fault.CredentialInUse || !strings.Contains(refused.Hint, says) {
		t.Errorf("%+v", refused)
	}
}
