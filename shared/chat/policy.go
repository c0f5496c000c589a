package chat

import "time"

// Policy is every number the life of a message rests on.
type Policy struct {
	MaxAttempts int
	// VisibilityTimeout is how long a delivery may take before it is taken for lost.
	VisibilityTimeout time.Duration
	// BackoffBase doubles with each failed attempt up to BackoffMax; up to a
	// half is taken off at random, so that failures don't come back in step.
	BackoffBase, BackoffMax time.Duration
	// BusyRetry is how long to leave a busy agent that didn't say.
	BusyRetry time.Duration
	// Lifetime is how long a message may wait when its sender didn't say.
	Lifetime time.Duration
	// MaxOpen bounds one workspace's backlog.
	MaxOpen int64
	// MaxBody is the largest body in bytes: a DynamoDB item holds 400 KB, and
	// the agent's answer has to fit beside it.
	MaxBody int
	// Retention is how long a receipt is kept after its end.
	Retention time.Duration
}

// DefaultPolicy is what a deployment runs with.
func DefaultPolicy() Policy {
	return Policy{
		MaxAttempts:       5,
		VisibilityTimeout: 150 * time.Second,
		BackoffBase:       2 * time.Second,
		BackoffMax:        5 * time.Minute,
		BusyRetry:         15 * time.Second,
		Lifetime:          24 * time.Hour,
		MaxOpen:           1000,
		MaxBody:           256 << 10,
		Retention:         7 * 24 * time.Hour,
	}
}
