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
	mode, why := f.decideMode(p, now)
	return Delivery{Declared: f.Declared, Effective: mode, Reason: why(&f)}
}

// Mode is EffectiveMode without its words.
func (f *Facts) Mode(p Policy, now time.Time) Mode {
	mode, _ := f.decideMode(p, now)
	return mode
}

// whyMode says in words why a mode is the effective one. Few who ask for the mode read them.
type whyMode func(*Facts) string

func (f *Facts) decideMode(p Policy, now time.Time) (Mode, whyMode) {
	insteadOfPush := f.pollsInsteadOfPush(p, now)
	switch {
	case f.Declared == Poll && f.Pushable:
		if quiet := f.unattended(p, now); quiet != "" {
			return Push, func(*Facts) string { return "declared poll, but " + quiet + ", and its URL can be pushed to" }
		}
		return Poll, declaredByWords
	case f.Declared == Poll:
		return Poll, declaredByWords
	case !f.Pushable && !f.URLEndedAt.IsZero():
		return Poll, func(f *Facts) string {
			return fmt.Sprintf("the credential that its URL was registered with ended at %s, and it has not registered since",
				stamp(f.URLEndedAt))
		}
	case f.Declared == Push && insteadOfPush:
		return Poll, func(f *Facts) string {
			return fmt.Sprintf("declared push, but the last %d pushes failed and it polls", f.PushFailures)
		}
	case f.Declared == Undeclared && f.Pushable && insteadOfPush:
		return Poll, func(f *Facts) string {
			return fmt.Sprintf("not declared; the last %d pushes to its URL failed, and it polls", f.PushFailures)
		}
	case f.Declared == Push && !f.Pushable:
		return Poll, servesNoURLWords
	case f.Declared == Push:
		return Push, declaredByWords
	case f.Pushable:
		return Push, func(*Facts) string { return "not declared; its URL and runtime can be pushed to" }
	}
	return Poll, func(*Facts) string { return "not declared; it has no URL and runtime that can be pushed to" }
}

func declaredByWords(f *Facts) string {
	return "declared by " + string(f.DeclaredBy)
}

func servesNoURLWords(f *Facts) string {
	if f.URLFingerprint != "" {
		return fmt.Sprintf("declared push by %s, but its runtime serves no URL, so the one that it registered is not called",
			f.DeclaredBy)
	}
	return fmt.Sprintf("declared push by %s, but it has no URL and runtime that can be pushed to", f.DeclaredBy)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
