package workspace

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
)

// Mode is how chat reaches an agent.
type Mode string

// The delivery modes of the wire contract (docs/wire-contract.md); Undeclared means that none was declared.
const (
	Undeclared Mode = ""
	Push       Mode = "push" // Rollcall calls the agent's URL
	Poll       Mode = "poll" // the agent asks for its mail
)

// ParseMode reads a mode from the wire. Error: invalid_request.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case Undeclared, Push, Poll:
		return m, nil
	}
	return "", fault.New(fault.InvalidRequest, "delivery_mode must be push or poll, not %q", s)
}

// Declarer is who declared the mode.
type Declarer string

// The declarers.
const (
	ByAgent    Declarer = "agent"
	ByOperator Declarer = "operator"
)

// Delivery is how mail reaches the agent now, and why.
type Delivery struct {
	Declared  Mode   `json:"declared_mode"`
	Effective Mode   `json:"effective_mode"`
	Reason    string `json:"reason"`
}

// pollOnlyRuntimes serve no endpoint of their own, whatever URL they give (the wire contract's "external → poll"
// rule, section 5).
var pollOnlyRuntimes = map[string]bool{"external": true}

// CanServe reports whether a runtime with this URL can be pushed to.
func CanServe(runtime, url string) bool {
	return url != "" && !pollOnlyRuntimes[strings.ToLower(runtime)]
}

// EffectiveMode is how mail reaches the agent now. It is computed and never stored, so it cannot go stale. The last
// declaration holds until evidence says that it cannot work.
func EffectiveMode(f Facts, p Policy, now time.Time) Delivery {
	d := Delivery{Declared: f.Declared}
	say := func(m Mode, format string, args ...any) Delivery {
		d.Effective, d.Reason = m, fmt.Sprintf(format, args...)
		return d
	}
	insteadOfPush := f.pollsInsteadOfPush(p, now)
	switch {
	case f.Declared == Poll && f.Pushable && f.unattended(p, now) != "":
		return say(Push, "declared poll, but %s, and its URL can be pushed to", f.unattended(p, now))
	case f.Declared == Poll:
		return say(Poll, "declared by %s", f.DeclaredBy)
	case !f.Pushable && !f.URLEndedAt.IsZero():
		return say(Poll, "the credential that its URL was registered with ended at %s, and it has not registered since",
			stamp(f.URLEndedAt))
	case f.Declared == Push && insteadOfPush:
		return say(Poll, "declared push, but the last %d pushes failed and it polls", f.PushFailures)
	case f.Declared == Undeclared && f.Pushable && insteadOfPush:
		return say(Poll, "not declared; the last %d pushes to its URL failed, and it polls", f.PushFailures)
	case f.Declared == Push && !f.Pushable && f.URLFingerprint != "":
		return say(Poll, "declared push by %s, but its runtime serves no URL, so the one that it registered is not called",
			f.DeclaredBy)
	case f.Declared == Push && !f.Pushable:
		return say(Poll, "declared push by %s, but it has no URL and runtime that can be pushed to", f.DeclaredBy)
	case f.Declared == Push:
		return say(Push, "declared by %s", f.DeclaredBy)
	case f.Pushable:
		return say(Push, "not declared; its URL and runtime can be pushed to")
	}
	return say(Poll, "not declared; it has no URL and runtime that can be pushed to")
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
