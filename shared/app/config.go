package app

import (
	"fmt"
	"math"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Access says whether a kind of call needs a credential.
type Access string

// The choices.
const (
	Open       Access = "open"       // none is needed: for a private machine only
	Credential Access = "credential" // one that may make the call is needed
)

// Known reports whether a is a choice.
func (a Access) Known() bool { return a == Open || a == Credential }

// Config is the environment of every function; the stack sets it.
type Config struct {
	Region          string `env:"AWS_REGION,required"`
	AccessKey       string `env:"AWS_ACCESS_KEY_ID"`
	SecretKey       string `env:"AWS_SECRET_ACCESS_KEY"`
	SessionToken    string `env:"AWS_SESSION_TOKEN"`
	Endpoint        string `env:"AWS_ENDPOINT_URL"`  // set on an emulator only
	Function        string `env:"ROLLCALL_FUNCTION"` // its name among the eight
	Stack           string `env:"ROLLCALL_STACK"`    // the stack's name, for its metrics
	Tracing         bool   `env:"ROLLCALL_TRACING"`  // AWS X-Ray traces the functions
	LeasesTable     string `env:"ROLLCALL_LEASES_TABLE,required"`
	ChatTable       string `env:"ROLLCALL_CHAT_TABLE,required"`
	WakeupsURL      string `env:"ROLLCALL_WAKEUPS_URL,required"`
	SlowWakeups     string `env:"ROLLCALL_SLOW_WAKEUPS_URL,required"`
	CallbackWakeups string `env:"ROLLCALL_CALLBACK_WAKEUPS_URL,required"`
	SweepTasksURL   string `env:"ROLLCALL_SWEEP_TASKS_URL,required"`
	DeadLetterURL   string `env:"ROLLCALL_DEAD_LETTER_URL,required"`
	DeadLetterARN   string `env:"ROLLCALL_DEAD_LETTER_ARN,required"`
	QueuePrefix     string `env:"ROLLCALL_QUEUE_PREFIX,required"`
	// OperatorHash is hex; the credential itself is nowhere in the stack.
	OperatorHash string `env:"ROLLCALL_OPERATOR_SHA256,required"`

	Bootstrap workspace.Bootstrap `env:"ROLLCALL_BOOTSTRAP" envDefault:"enrolled"`
	Chat      Access              `env:"ROLLCALL_CHAT" envDefault:"credential"`
	View      Access              `env:"ROLLCALL_VIEW" envDefault:"credential"`
	Peers     workspace.Peers     `env:"ROLLCALL_PEERS" envDefault:"fleet"`
	AgentURLs push.Reach          `env:"ROLLCALL_AGENT_URLS" envDefault:"public"`

	LeaseTTL          time.Duration `env:"ROLLCALL_LEASE_TTL"`
	Grace             time.Duration `env:"ROLLCALL_GRACE"`
	DeliveryObjective time.Duration `env:"ROLLCALL_DELIVERY_OBJECTIVE"`
	OutageAfter       time.Duration `env:"ROLLCALL_OUTAGE_AFTER"`
	SuspectFor        time.Duration `env:"ROLLCALL_SUSPECT_FOR"`
	ProbeEvery        time.Duration `env:"ROLLCALL_PROBE_EVERY"`
	PushTimeout       time.Duration `env:"ROLLCALL_PUSH_TIMEOUT" envDefault:"120s"`
	VisibilityTimeout time.Duration `env:"ROLLCALL_VISIBILITY"`
	// StorePatience bounds one call to a store or queue in a function that a caller
	// waits for, with its second try.
	StorePatience time.Duration `env:"ROLLCALL_STORE_PATIENCE" envDefault:"4s"`
	FleetRate     float64       `env:"ROLLCALL_FLEET_RATE"`   // calls a second that the agents are asked to make
	ClockOffset   time.Duration `env:"ROLLCALL_CLOCK_OFFSET"` // for tests of what a wrong clock does
	MaxOpen       int64         `env:"ROLLCALL_MAX_OPEN"`     // one workspace's backlog
	AnswerWithin  time.Duration `env:"ROLLCALL_ANSWER_WITHIN" envDefault:"10s"`
	// SegmentSize is the most workspaces that one function sweeps: several sweep a
	// larger fleet. 0 has one function sweep any fleet.
	SegmentSize int `env:"ROLLCALL_SWEEP_SEGMENT" envDefault:"30000"`
}

// maxAnswerWithin leaves the function enqueue, which runs for 28 s at most, the time that any call may take.
const maxAnswerWithin = 13 * time.Second

// root is the root credential's digest, and whether it is one.
func (c Config) root() (token.Hash, error) {
	h, ok := token.ParseHash(c.OperatorHash)
	if !ok {
		return h, fmt.Errorf("app: ROLLCALL_OPERATOR_SHA256 must be the hex SHA-256 of the root credential")
	}
	return h, nil
}

// check refuses choices that are none.
func (c Config) check() error {
	if least := min(c.LeaseTTL, c.Grace, c.DeliveryObjective, c.OutageAfter, c.SuspectFor, c.ProbeEvery,
		c.VisibilityTimeout); least < 0 {
		return fmt.Errorf("app: no time but ROLLCALL_CLOCK_OFFSET can be negative, as %s is", least)
	}
	switch {
	case c.PushTimeout < time.Second:
		return fmt.Errorf("app: ROLLCALL_PUSH_TIMEOUT must be at least 1s, not %s", c.PushTimeout)
	case c.MaxOpen < 0:
		return fmt.Errorf("app: ROLLCALL_MAX_OPEN (%d) must be a number of messages", c.MaxOpen)
	case c.Bootstrap != workspace.Open && c.Bootstrap != workspace.Enrolled:
		return fmt.Errorf("app: ROLLCALL_BOOTSTRAP must be open or enrolled, not %q", c.Bootstrap)
	case !c.Chat.Known():
		return fmt.Errorf("app: ROLLCALL_CHAT must be open or credential, not %q", c.Chat)
	case !c.Peers.Known():
		return fmt.Errorf("app: ROLLCALL_PEERS must be fleet or team, not %q", c.Peers)
	case !c.View.Known():
		return fmt.Errorf("app: ROLLCALL_VIEW must be open or credential, not %q", c.View)
	case c.AgentURLs != push.Public && c.AgentURLs != push.Private:
		return fmt.Errorf("app: ROLLCALL_AGENT_URLS must be public or private, not %q", c.AgentURLs)
	case c.StorePatience < time.Second:
		return fmt.Errorf("app: ROLLCALL_STORE_PATIENCE must be at least 1s, not %s", c.StorePatience)
	case c.SegmentSize < 0:
		return fmt.Errorf("app: ROLLCALL_SWEEP_SEGMENT (%d) must be a number of workspaces", c.SegmentSize)
	case c.AnswerWithin < 0 || c.AnswerWithin > maxAnswerWithin:
		return fmt.Errorf("app: ROLLCALL_ANSWER_WITHIN (%s) must be from 0s to %s", c.AnswerWithin, maxAnswerWithin)
	case c.FleetRate < 0 || math.IsNaN(c.FleetRate) || math.IsInf(c.FleetRate, 0):
		return fmt.Errorf("app: ROLLCALL_FLEET_RATE (%g) must be a number of calls a second", c.FleetRate)
	case c.PushTimeout >= c.chatPolicy().VisibilityTimeout:
		return fmt.Errorf("app: ROLLCALL_PUSH_TIMEOUT (%s) must be less than the visibility timeout (%s), "+
			"or a slow delivery would be doubled", c.PushTimeout, c.chatPolicy().VisibilityTimeout)
	}
	return nil
}

// setIf replaces a default by a setting that was given.
func setIf[T time.Duration | int64](to *T, setting T) {
	if setting > 0 {
		*to = setting
	}
}

func (c Config) chatPolicy() chat.Policy {
	p := chat.DefaultPolicy()
	setIf(&p.VisibilityTimeout, c.VisibilityTimeout)
	setIf(&p.MaxOpen, c.MaxOpen)
	p.AnswerWithin = c.AnswerWithin
	return p
}

// pushPatience bounds a push. A stream is read until shortly before its claim ends, so
// that there is time to write the outcome.
func (c Config) pushPatience() push.Patience {
	claim := c.chatPolicy().VisibilityTimeout
	return push.Patience{Answer: c.PushTimeout, Stream: claim - claim/15}
}

func (c Config) workspacePolicy() workspace.Policy {
	p := workspace.DefaultPolicy()
	p.Bootstrap, p.Peers = c.Bootstrap, c.Peers
	setIf(&p.LeaseTTL, c.LeaseTTL)
	setIf(&p.Grace, c.Grace)
	setIf(&p.DeliveryObjective, c.DeliveryObjective)
	setIf(&p.OutageAfter, c.OutageAfter)
	setIf(&p.SuspectFor, c.SuspectFor)
	setIf(&p.ProbeEvery, c.ProbeEvery)
	p.PollNoted = p.LeaseTTL / 4
	if c.FleetRate > 0 {
		p.FleetRate = c.FleetRate
	}
	// An agent that is refused is known to be there by its refusals on record, so
	// these must not be rarer than a lease is long.
	p.RefusalWriteEvery = min(p.RefusalWriteEvery, p.LeaseTTL/3)
	p.TraceEvery = min(p.TraceEvery, p.LeaseTTL*2/3)
	p.DeliveryPatience, p.ProbePatience = c.chatPolicy().VisibilityTimeout, c.chatPolicy().ProbeTakes()
	return p
}
