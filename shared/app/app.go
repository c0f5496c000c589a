// Package boot turns a Lambda's environment into the use cases. Only mains and
// the tests that stand in for them import it.
package app

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/caarlos0/env/v11"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/dynamo"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/sqs"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// ChatPolicy says who may send chat.
type ChatPolicy string

// The chat policies.
const (
	ChatOpen       ChatPolicy = "open"       // no caller means the user: local use only
	ChatCredential ChatPolicy = "credential" // a workspace's or the operator's credential is needed
)

// Config is the environment of every function; the stack sets it.
type Config struct {
	Region        string `env:"AWS_REGION,required"`
	AccessKey     string `env:"AWS_ACCESS_KEY_ID"`
	SecretKey     string `env:"AWS_SECRET_ACCESS_KEY"`
	SessionToken  string `env:"AWS_SESSION_TOKEN"`
	Endpoint      string `env:"AWS_ENDPOINT_URL"` // set on an emulator only
	Function      string `env:"AWS_LAMBDA_FUNCTION_NAME"`
	LeasesTable   string `env:"ROLLCALL_LEASES_TABLE,required"`
	ChatTable     string `env:"ROLLCALL_CHAT_TABLE,required"`
	WakeupsURL    string `env:"ROLLCALL_WAKEUPS_URL,required"`
	DeadLetterURL string `env:"ROLLCALL_DEAD_LETTER_URL,required"`
	DeadLetterARN string `env:"ROLLCALL_DEAD_LETTER_ARN,required"`
	QueuePrefix   string `env:"ROLLCALL_QUEUE_PREFIX,required"`
	OperatorHash  string `env:"ROLLCALL_OPERATOR_SHA256,required"` // hex; the credential itself is nowhere in the stack

	Bootstrap workspace.Bootstrap `env:"ROLLCALL_BOOTSTRAP" envDefault:"enrolled"`
	Chat      ChatPolicy          `env:"ROLLCALL_CHAT" envDefault:"credential"`
	AgentURLs push.Reach          `env:"ROLLCALL_AGENT_URLS" envDefault:"public"`

	LeaseTTL          time.Duration `env:"ROLLCALL_LEASE_TTL"`
	Grace             time.Duration `env:"ROLLCALL_GRACE"`
	DeliveryObjective time.Duration `env:"ROLLCALL_DELIVERY_OBJECTIVE"`
	OutageAfter       time.Duration `env:"ROLLCALL_OUTAGE_AFTER"`
	SuspectFor        time.Duration `env:"ROLLCALL_SUSPECT_FOR"`
	ProbeEvery        time.Duration `env:"ROLLCALL_PROBE_EVERY"`
	PushTimeout       time.Duration `env:"ROLLCALL_PUSH_TIMEOUT" envDefault:"120s"`
	Visibility        time.Duration `env:"ROLLCALL_VISIBILITY"`
	ClockOffset       time.Duration `env:"ROLLCALL_CLOCK_OFFSET"` // for tests of what a wrong clock does
	MaxOpen           int64         `env:"ROLLCALL_MAX_OPEN"`     // one workspace's backlog
}

// Env is what a main wires its handler from.
type Env struct {
	Config   Config
	AWS      aws.Config
	Log      *slog.Logger
	Operator token.Hash
	Registry *registry.Registry
	Delivery *delivery.Delivery
	Now      func() time.Time
}

// Load reads the environment of this process.
func Load() (*Env, error) {
	cfg, err := env.ParseAs[Config]()
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	return New(cfg)
}

// New builds the use cases from a configuration; change may adjust the AWS
// configuration before the clients are made (tests count and fault calls there).
func New(cfg Config, change ...func(*aws.Config)) (*Env, error) {
	operator, ok := token.ParseHash(cfg.OperatorHash)
	if !ok {
		return nil, fmt.Errorf("app: ROLLCALL_OPERATOR_SHA256 must be the hex SHA-256 of the operator credential")
	}
	switch {
	case cfg.Bootstrap != workspace.Open && cfg.Bootstrap != workspace.Enrolled:
		return nil, fmt.Errorf("app: ROLLCALL_BOOTSTRAP must be open or enrolled, not %q", cfg.Bootstrap)
	case cfg.Chat != ChatOpen && cfg.Chat != ChatCredential:
		return nil, fmt.Errorf("app: ROLLCALL_CHAT must be open or credential, not %q", cfg.Chat)
	case cfg.AgentURLs != push.Public && cfg.AgentURLs != push.Private:
		return nil, fmt.Errorf("app: ROLLCALL_AGENT_URLS must be public or private, not %q", cfg.AgentURLs)
	}
	// A literal configuration: LoadDefaultConfig would add about 2 MB and 3 ms to
	// each start for sources a Lambda doesn't have.
	awsConfig := aws.Config{
		Region:      cfg.Region,
		AppID:       cfg.Function, // in the user agent: CloudTrail tells which function called
		Credentials: credentials.NewStaticCredentialsProvider(cfg.AccessKey, cfg.SecretKey, cfg.SessionToken),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = 4
				o.MaxBackoff = 2 * time.Second
				// A heartbeat that meets a transaction on its lease waits it out.
				o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{"TransactionConflictException": {}}})
			})
		},
	}
	// A call that hangs must not eat its function's time; the SDK tries it again.
	awsConfig.HTTPClient = awshttp.NewBuildableClient().WithTimeout(awsCallTimeout)
	if cfg.Endpoint != "" {
		awsConfig.BaseEndpoint = &cfg.Endpoint
	}
	for _, c := range change {
		c(&awsConfig)
	}
	policy := workspace.DefaultPolicy()
	policy.Bootstrap = cfg.Bootstrap
	chatPolicy := chat.DefaultPolicy()
	for set, to := range map[*time.Duration]time.Duration{
		&policy.LeaseTTL: cfg.LeaseTTL, &policy.Grace: cfg.Grace, &policy.DeliveryObjective: cfg.DeliveryObjective, &chatPolicy.VisibilityTimeout: cfg.Visibility,
		&policy.OutageAfter: cfg.OutageAfter, &policy.SuspectFor: cfg.SuspectFor, &policy.ProbeEvery: cfg.ProbeEvery,
	} {
		if to > 0 {
			*set = to
		}
	}
	// An agent that is refused is known to be there by refusals on record.
	policy.RefusalWriteEvery = min(policy.RefusalWriteEvery, policy.LeaseTTL/3)
	if cfg.MaxOpen > 0 {
		chatPolicy.MaxOpen = cfg.MaxOpen
	}
	if cfg.PushTimeout >= chatPolicy.VisibilityTimeout {
		return nil, fmt.Errorf("app: ROLLCALL_PUSH_TIMEOUT (%s) must be less than the visibility timeout (%s), or a slow delivery would be doubled", cfg.PushTimeout, chatPolicy.VisibilityTimeout)
	}
	policy.DeliveryPatience = chatPolicy.VisibilityTimeout
	store := &dynamo.Store{DB: dynamodb.NewFromConfig(awsConfig), Leases: cfg.LeasesTable, Chat: cfg.ChatTable, Policy: policy, Retention: chatPolicy.Retention}
	queues := awssqs.NewFromConfig(awsConfig)
	pusher := push.New(cfg.AgentURLs, cfg.PushTimeout)
	reg := &registry.Registry{Leases: store, Profiles: store, Owners: store, Enrolments: store, Fleets: store, Wakeups: &sqs.Wakeups{SQS: queues, URL: cfg.WakeupsURL}, Guard: pusher, Policy: policy}
	now := func() time.Time { return time.Now().Add(cfg.ClockOffset) }
	return &Env{
		Now: now, Config: cfg, AWS: awsConfig, Operator: operator, Registry: reg,
		Log: slog.New(slog.NewJSONHandler(os.Stdout, nil)),
		Delivery: &delivery.Delivery{
			Registry: reg, Ledger: store, Logbook: store, News: store, Agents: pusher, Callbacks: pusher, Policy: chatPolicy, Now: now, Jitter: rand.Float64,
			Queues: &sqs.ChatQueues{SQS: queues, Prefix: cfg.QueuePrefix, DeadLetterURL: cfg.DeadLetterURL, DeadLetterARN: cfg.DeadLetterARN},
		},
	}, nil
}

// awsCallTimeout is for one try of one AWS call; all are answered in
// milliseconds, but for a receive that waits a second for a ticket.
const awsCallTimeout = 8 * time.Second

// Main runs a function: handler makes what Lambda calls of the use cases.
func Main(handler func(*Env) any) {
	env, err := Load()
	if err != nil {
		slog.Error("can't start", "error", err)
		os.Exit(1)
	}
	lambda.Start(handler(env))
}
