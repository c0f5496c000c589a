package chat

import "time"

// Policy is every number that the life of a message depends on.
type Policy struct {
	// MaxAttempts is how many failed or lost attempts set a message aside, so that others go first; one that failed
	// alone does so at once. It is dead when it fails once more after the agent has taken another one.
	MaxAttempts int
	// VisibilityTimeout is how long a delivery may take before it counts as lost.
	VisibilityTimeout time.Duration
	// RestBase doubles with each hand-over in a row that failed, up to RestMax: so long no message is handed to the
	// agent. Up to half of it is taken off at random, so that agents that failed together are not tried together.
	RestBase, RestMax time.Duration
	// BusyRetry is how long to leave a busy agent that did not say how long, BusyMax the longest it is believed.
	BusyRetry, BusyMax time.Duration
	// AsideFor is how long a message is set aside that has used up its attempts.
	AsideFor time.Duration
	// ProbePatience is how long an agent may take to answer a probe that no message stands behind.
	ProbePatience time.Duration
	// AnswerWithin is how long a workspace that asks another one waits for the answer in its call; 0: not at all.
	AnswerWithin time.Duration
	// Lifetime is how long a message may wait when its sender did not say how long.
	Lifetime time.Duration
	// MaxOpen is how many open messages one workspace may have, and a probe beside them; see Share for how many of one
	// sender.
	MaxOpen int64
	// MaxBody is the largest body in bytes: a DynamoDB item holds 400 KB, and the agent's answer has to fit in too.
	MaxBody int
	// Retention is how long a receipt is kept after the message has ended.
	Retention time.Duration
}

// DefaultPolicy is what a deployment runs with.
func DefaultPolicy() Policy {
	return Policy{
		MaxAttempts:       5,
		VisibilityTimeout: 150 * time.Second,
		RestBase:          2 * time.Second,
		RestMax:           time.Minute,
		BusyRetry:         15 * time.Second,
		BusyMax:           5 * time.Minute,
		AsideFor:          time.Minute,
		ProbePatience:     15 * time.Second,
		AnswerWithin:      10 * time.Second,
		Lifetime:          24 * time.Hour,
		MaxOpen:           1000,
		MaxBody:           256 << 10,
		Retention:         7 * 24 * time.Hour,
	}
}

// ProbeTakes is how long such a probe is under way at the most, until what it shows is written.
func (p Policy) ProbeTakes() time.Duration { return p.ProbePatience + p.ProbePatience/3 }

// Crowded reports whether so many open messages are more than half of an inbox: then Share holds. Below, it is not
// asked who has sent them.
func (p Policy) Crowded(open int64) bool { return open > p.MaxOpen/2 }

// Share is how many of the open messages, counted by sender, a crowded inbox takes of source: half of what the others
// leave. Workspaces leave a quarter of the inbox to its users, who count as one sender.
func (p Policy) Share(source string, open map[string]int64) int64 {
	quarter, workspaces := p.MaxOpen/4, int64(0)
	for from, n := range open {
		if from != "" {
			workspaces += n
		}
	}
	if source == "" {
		return max(quarter, halfOf(p.MaxOpen-workspaces))
	}
	return halfOf(p.MaxOpen - max(quarter, open[""]) - (workspaces - open[source]))
}

// RefusedFrom is with how many open messages a message of source is refused; open is the mail that waits, counted by
// sender. It is told from what waits, and not from what is counted: other calls that are under way have counted theirs,
// and some of them take that back.
func (p Policy) RefusedFrom(source string, open map[string]int64) int64 {
	surplus := open[source] - p.Share(source, open)
	if surplus < 0 {
		return p.MaxOpen // only an inbox without a place refuses it
	}
	all := int64(0)
	for _, n := range open {
		all += n
	}
	return max(p.MaxOpen/2, all-surplus)
}

// CrowdedOut reports whether others keep out a message of source that is refused; open is the mail that waits, counted
// by sender. Who has its share there is refused for its own mail, and so may be several at once. Others keep out who
// has less than its share, and who has none there. The users stand for many: others keep them out too.
func (p Policy) CrowdedOut(source string, open map[string]int64) bool {
	return source == "" || open[source] == 0 || open[source] < p.Share(source, open)
}

// halfOf is half of n, rounded up, so that the last place is had; nothing of a negative n.
func halfOf(n int64) int64 { return max(0, n+1) / 2 }

// Rest is how long an agent is left alone after so many hand-overs in a row that failed, at least 1. random is in
// [0, 1).
func (p Policy) Rest(failures int, random float64) time.Duration {
	rest := p.RestMax
	if n := failures - 1; n < 16 {
		rest = min(p.RestBase<<max(n, 0), p.RestMax)
	}
	return rest - time.Duration(random*float64(rest)/2)
}

// BusyRest is how long an agent is left alone that said it is busy, and for how long (0: it didn't say).
func (p Policy) BusyRest(after time.Duration) time.Duration {
	if after <= 0 {
		after = p.BusyRetry
	}
	return min(after, p.BusyMax)
}
