package chat

import "time"

// Policy is every number that the life of a message depends on.
type Policy struct {
	// MaxAttempts is how many failed or lost attempts end a message as dead.
	MaxAttempts int
	// VisibilityTimeout is how long a delivery may take before it counts as lost.
	VisibilityTimeout time.Duration
	// BackoffBase doubles with each failed attempt up to BackoffMax; up to half of it is taken off at random, so that
	// messages that failed together are not retried together.
	BackoffBase, BackoffMax time.Duration
	// BusyRetry is how long to wait for a busy agent that did not say how long.
	BusyRetry time.Duration
	// Lifetime is how long a message may wait when its sender did not say how long.
	Lifetime time.Duration
	// MaxOpen is how many open messages one workspace may have.
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
		BackoffBase:       2 * time.Second,
		BackoffMax:        5 * time.Minute,
		BusyRetry:         15 * time.Second,
		Lifetime:          24 * time.Hour,
		MaxOpen:           1000,
		MaxBody:           256 << 10,
		Retention:         7 * 24 * time.Hour,
	}
}
