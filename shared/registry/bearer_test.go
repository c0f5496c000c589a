package registry_test

import (
	"context"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// reading counts the questions whose a credential is.
type reading struct {
	registry.Owners
	asked int
}

// bearers are what a register can bring, by kind. A person's in Rollcall's form and the root credential are refused
// before the registry is asked: see shared/httpapi.
func bearers(t *testing.T, r *registry.Registry, target string) map[string]string {
	t.Helper()
	other := &agent{t: t, r: r}
	made, err := r.Create(t.Context(), registry.CreateInput{ID: "other", By: operator}, t0)
	if err != nil {
		t.Fatal(err)
	}
	former := made.AuthToken
	other.token = former
	if code := other.heartbeat("other", t0); code != "" {
		t.Fatal(code)
	}
	_, next, err := r.Rotate(t.Context(), registry.RotateInput{ID: "other", To: workspace.ToOperator, By: operator}, t0)
	if err != nil {
		t.Fatal(err)
	}
	other.token = next
	if code := other.heartbeat("other", t0); code != "" {
		t.Fatal(code)
	}
	_, waits, err := r.Rotate(t.Context(), registry.RotateInput{ID: "other", To: workspace.ToOperator, By: operator}, t0)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := r.Create(t.Context(), registry.CreateInput{ID: "gone", By: operator}, t0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Hold(t.Context(), "gone", workspace.Removed, operator, t0); err != nil {
		t.Fatal(err)
	}
	elsewhere, _ := token.Mint(token.Workspace)
	person, _ := token.Mint(token.Person)
	root, _ := token.Mint(token.Operator)
	return map[string]string{
		"none": "", "its own": strings.Repeat("s", 43), "of 16 characters": strings.Repeat("s", token.MinOwn),
		"minted elsewhere": elsewhere, "another's": next, "another's former": former, "another's that waits": waits,
		"a removed one's": gone.AuthToken, "an enrolment token": enrol(t, r, target, 1),
		"rce_abc":    "rce_abcdefghijklmnop",
		"a person's": person, "a root's": root, "rcp_abc": "rcp_abcdefghijklmnop", "rco_abc": "rco_abcdefghijklmnop",
		"a signing secret": token.SigningSecret(), "cut off": next[:len(next)-1], "undefined": "undefined", "null": "null",
		"None": "None", "of 15 characters": strings.Repeat("s", token.MinOwn-1),
		"too long": strings.Repeat("s", token.MaxLen+1),
	}
}

// What a register brings decides what becomes of it, by what is known of the id, and by whether bootstrap is open. Only
// a first register where it is open takes what it brings for the agent's own, and never what is another's or made for
// something else: it is refused there as anywhere, changes nothing and takes nothing away.
func TestWhatARegisterBrings(t *testing.T) {
	const missing, unknown, of = fault.CredentialMissing, fault.CredentialUnknown, fault.CredentialOfAnother
	kept := map[string]bool{"its own": true, "of 16 characters": true, "minted elsewhere": true}
	another := map[string]bool{
		"another's": true, "another's former": true, "another's that waits": true, "a removed one's": true,
	}
	for _, policy := range []workspace.Bootstrap{workspace.Open, workspace.Enrolled} {
		for _, state := range []string{"unused", "in use", "removed"} {
			for kind := range bearers(t, deployed(), "w") {
				want := unknown
				switch {
				case state == "removed" && policy == workspace.Open:
					want = fault.WorkspaceRemoved
				case another[kind]:
					want = of
				case state == "unused" && policy == workspace.Open && (kept[kind] || kind == "none"):
					want = ""
				case kind == "none":
					want = missing
				}
				t.Run(string(policy)+"/"+state+"/"+kind, func(t *testing.T) { checkBrought(t, policy, state, kind, want) })
			}
		}
	}
}

func checkBrought(t *testing.T, policy workspace.Bootstrap, state, kind string, want fault.Code) {
	t.Helper()
	r := deployed()
	r.Policy.Bootstrap = policy
	if state != "unused" {
		a := &agent{t: t, r: r}
		made, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0)
		if err != nil {
			t.Fatal(err)
		}
		if a.token = made.AuthToken; a.heartbeat("w", t0) != "" {
			t.Fatal("it does not begin")
		}
	}
	if state == "removed" {
		if _, err := r.Hold(t.Context(), "w", workspace.Removed, operator, t0); err != nil {
			t.Fatal(err)
		}
	}
	brought := bearers(t, r, "w")[kind]
	owner, err := r.Owners.Owner(t.Context(), token.Digest(brought))
	if err != nil {
		t.Fatal(err)
	}
	was, _ := r.Leases.Get(t.Context(), "w")
	asks := &reading{Owners: r.Owners}
	r.Owners = asks
	out, err := r.Register(t.Context(), registry.Registration{ID: "w", Credential: brought, From: address}, t0)
	if got := fault.CodeOf(err); got != want {
		t.Fatalf("%v, want %q", err, want)
	}
	if (out.AuthToken != "") != (want == "" && kind == "none") || asks.asked > 1 {
		t.Errorf("it is given %q, and %d times it is asked whose the credential is", out.AuthToken, asks.asked)
	}
	if want == "" {
		if a := (&agent{t: t, r: r, token: brought + out.AuthToken}); a.heartbeat("w", t0) != "" {
			t.Error("what it has is not its credential")
		}
		return
	}
	is, _ := r.Leases.Get(t.Context(), "w")
	if is.Credentials != was.Credentials || is.Epoch != was.Epoch || is.ID != was.ID {
		t.Errorf("it changed what is stored: %+v", is)
	}
	if again, err := asks.Owner(t.Context(), token.Digest(brought)); err != nil || again != owner {
		t.Errorf("the credential is %v's, and was %v's: %v", again, owner, err)
	}
}

// Owner implements registry.Owners.
func (r *reading) Owner(ctx context.Context, h token.Hash) (workspace.Life, error) {
	r.asked++
	return r.Owners.Owner(ctx, h)
}

// What is refused as a bearer does not keep a good enrolment token from being taken, as where bootstrap is not open.
func TestAnEnrolmentIsTakenBesideABearerThatIsNone(t *testing.T) {
	for kind, brought := range bearers(t, deployed(), "w") {
		for _, policy := range []workspace.Bootstrap{workspace.Open, workspace.Enrolled} {
			r := deployed()
			r.Policy.Bootstrap = policy
			in := registry.Registration{ID: "w", Credential: brought, Enrolment: enrol(t, r, "w", 1), From: address}
			out, err := r.Register(t.Context(), in, t0)
			if err != nil || (out.AuthToken == "") != (policy == workspace.Open && token.CanBeOwn(brought)) {
				t.Errorf("%s, %s: %q, %v", kind, policy, out.AuthToken, err)
			}
		}
	}
}

// Of two first registers that bring the same, one is taken, whenever the other comes.
func TestOneCredentialIsTakenOnce(t *testing.T) {
	r := deployed()
	r.Policy.Bootstrap = workspace.Open
	r.Clock = memory.Clock{}
	r.Owners = late{r.Owners} // as if the other's register were written after this one asked
	own := strings.Repeat("s", 43)
	in := registry.Registration{ID: "a", Credential: own, From: address}
	if _, err := r.Register(t.Context(), in, t0); err != nil {
		t.Fatal(err)
	}
	in.ID = "b"
	if _, err := r.Register(t.Context(), in, t0); fault.CodeOf(err) != fault.Conflict {
		t.Fatalf("the second: %v", err)
	}
	if _, err := r.Leases.Get(t.Context(), "b"); fault.CodeOf(err) != fault.WorkspaceUnknown {
		t.Errorf("it is stored: %v", err)
	}
}

// late knows no owner yet.
type late struct{ registry.Owners }

// Owner implements registry.Owners.
func (late) Owner(context.Context, token.Hash) (workspace.Life, error) { return workspace.Life{}, nil }
