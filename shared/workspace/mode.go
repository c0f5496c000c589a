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
	polls := !f.PolledAt.IsZero() && now.Sub(f.PolledAt) < p.DeliveryObjective
	mailWaits := f.Open > 0 && now.Sub(latest(f.OldestOpen, f.RegisteredAt)) >= p.DeliveryObjective
	switch {
	case f.Declared == Poll && f.Pushable && mailWaits && !polls:
		return say(Push, "declared poll, but it hasn't polled since mail began to wait at %s, "+
			"and its URL can be pushed to", stamp(f.OldestOpen))
	case f.Declared == Poll:
		return say(Poll, "declared by %s", f.DeclaredBy)
	case f.Declared == Push && f.PushFailures >= p.PushFailuresToDegrade && polls:
		return say(Poll, "declared push, but the last %d pushes failed and it polls", f.PushFailures)
	case f.Declared == Undeclared && f.Pushable && f.PushFailures >= p.PushFailuresToDegrade && polls:
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

// NotPolling says in words that an agent that gets its mail by polling has not polled for a while, and so may not get
// what is sent now. It is "" when the agent has polled.
func (f Facts) NotPolling(p Policy, now time.Time) string {
	switch {
	case f.PolledAt.IsZero() && now.Sub(latest(f.RegisteredAt, f.CreatedAt)) >= p.DeliveryObjective:
		return "it has never polled for its mail"
	case !f.PolledAt.IsZero() && now.Sub(f.PolledAt) >= p.DeliveryObjective:
		return "it has not polled for its mail since " + stamp(f.PolledAt)
	}
	return ""
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
