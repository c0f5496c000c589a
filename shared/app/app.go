// Package app turns a Lambda's environment into the use cases. Functions and the
// tests that stand in for them import it.
package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	"github.com/caarlos0/env/v11"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/dynamo"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/sqs"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/sweep"
	"github.com/rollcall/rollcall/shared/waiting"
	"github.com/rollcall/rollcall/shared/webhook"
)

// Env is what a main wires its handler from.
type Env struct {
	Config      Config
	AWS         aws.Config
	Log         *slog.Logger
	Clock       clock.Clock
	Meter       Meter
	Gate        httpapi.Gate
	People      *people.People
	Registry    *registry.Registry
	Wakeups     *sqs.Wakeups
	Delivery    *delivery.Delivery
	Waits       waiting.Places
	Activity    activity.Log
	StatusLog   *statuslog.Log
	Delegations *delegation.Service
	Webhooks    *webhook.Service
	Sweeper     *sweep.Sweeper
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
	root, err := cfg.root()
	if err != nil {
		return nil, err
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	awsConfig := cfg.awsConfig()
	for _, c := range change {
		c(&awsConfig)
	}
	e := &Env{
		Config: cfg, AWS: awsConfig, Clock: clock.System{Offset: cfg.ClockOffset},
		Log: slog.New(slog.NewJSONHandler(os.Stdout, nil)).With("stack", cfg.Stack),
	}
	e.Meter = Meter{e.Log, e.Clock, cfg.Stack}
	policy, chatPolicy := cfg.workspacePolicy(), cfg.chatPolicy()
	store := &dynamo.Store{
		DB: dynamodb.NewFromConfig(awsConfig), Leases: cfg.LeasesTable, Chat: cfg.ChatTable,
		Policy: policy, Clock: e.Clock, Retention: chatPolicy.Retention,
	}
	queues := awssqs.NewFromConfig(awsConfig)
	pusher := push.New(cfg.AgentURLs, cfg.pushPatience())
	e.Wakeups = &sqs.Wakeups{
		SQS: queues, URL: cfg.WakeupsURL, SlowURL: cfg.SlowWakeups, CallbacksURL: cfg.CallbackWakeups, Traced: cfg.Tracing,
	}
	e.StatusLog = &statuslog.Log{Store: store, Policy: policy, Clock: e.Clock}
	e.Registry = &registry.Registry{
		Leases: registry.OneTeam{Leases: store}, Profiles: store, Owners: store, Enrolments: store, Fleets: store,
		Wakeups: e.Wakeups, Guard: pusher, Policy: policy,
		Clock: e.Clock, StatusLog: e.StatusLog,
	}
	e.Waits = waiting.Places{Store: store, Clock: e.Clock} // of those who wait for an answer, or for a change
	e.Delivery = &delivery.Delivery{
		Registry: e.Registry, Ledger: meteredLedger{store, e.Meter}, Activity: store,
		Agents: pusher, Callbacks: pusher, Policy: chatPolicy,
		Clock: e.Clock, Helpers: &delivery.Helpers{}, Refusals: &delivery.Refusals{},
		Queues: &sqs.ChatQueues{
			SQS: queues, Clock: e.Clock, Prefix: cfg.QueuePrefix,
			DeadLetterURL: cfg.DeadLetterURL, DeadLetterARN: cfg.DeadLetterARN,
		},
	}
	e.Webhooks = &webhook.Service{Store: store, Log: store, Sender: pusher, Bell: e.Wakeups, Guard: pusher, Clock: e.Clock}
	e.StatusLog.Recorded = e.Webhooks.Recorded
	e.onTop(store)
	e.Sweeper.Tasks, e.Sweeper.SegmentSize = sqs.SweepTasks{SQS: queues, URL: cfg.SweepTasksURL}, cfg.SegmentSize
	e.People = &people.People{Store: store, Audit: store}
	e.Gate = httpapi.Gate{
		Registry: e.Registry, People: e.People, Root: root, ViewOpen: cfg.View == Open, ChatOpen: cfg.Chat == Open,
		Count: func(ctx context.Context, metric string) { e.Meter.Write(ctx, map[string]any{metric: 1}, nil) },
	}
	return e, nil
}

// onTop builds the use cases that stand on registry and delivery.
func (e *Env) onTop(store *dynamo.Store) {
	e.Activity = store
	e.Delegations = &delegation.Service{Store: store, Activity: store, Delivery: e.Delivery}
	e.Sweeper = &sweep.Sweeper{
		Registry: e.Registry, Delivery: e.Delivery, StatusLog: e.StatusLog, Webhooks: e.Webhooks, Activity: store,
		Clock: e.Clock,
	}
}

// Announcer tells the world of changes and of dead messages.
type Announcer interface {
	statuslog.Announcer
	delivery.DeadAnnouncer
}

// AnnounceTo sets who tells the world; only the functions that announce anything
// have one.
func (e *Env) AnnounceTo(a Announcer) {
	e.StatusLog.Announcer, e.Delivery.DeadAnnouncer = meteredAnnouncer{a, e.Meter}, a
}

const (
	awsTries      = 4
	awsMaxBackoff = 2 * time.Second
	// awsPatience is for one AWS call with all its tries, and awsTry for one of them,
	// in the functions that nobody waits for: dispatch and sweeper. All calls are
	// answered in milliseconds, but for a receive that waits a second for a ticket.
	awsPatience = 40 * time.Second
	awsTry      = 8 * time.Second
)

// patience is how long one AWS call may take with all its tries, and how long one
// of them. A caller waits for an API function, so that a store that hangs must be a
// 503 before the caller, or Lambda, gives up.
func (c Config) patience() (all, try time.Duration) {
	if c.Function == "dispatch" || c.Function == "sweeper" {
		return awsPatience, awsTry
	}
	return c.StorePatience, c.StorePatience / 2
}

// bounded ends each AWS call after a time, whatever it waits for.
func bounded(after time.Duration) func(*middleware.Stack) error {
	limit := middleware.InitializeMiddlewareFunc("rollcall.Patience", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		ctx, cancel := context.WithTimeout(ctx, after)
		defer cancel()
		return next.HandleInitialize(ctx, in)
	})
	return func(s *middleware.Stack) error { return s.Initialize.Add(limit, middleware.Before) }
}

// awsConfig is a literal configuration: LoadDefaultConfig would add about 2 MB
// and 3 ms to each start for sources that a Lambda doesn't have.
func (c Config) awsConfig() aws.Config {
	all, try := c.patience()
	out := aws.Config{
		Region:      c.Region,
		AppID:       "rollcall-" + c.Function, // in the user agent: CloudTrail says which function called
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.SessionToken),
		HTTPClient:  awshttp.NewBuildableClient().WithTimeout(try),
		APIOptions:  []func(*middleware.Stack) error{bounded(all)},
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.MaxBackoff = awsTries, awsMaxBackoff
				// A heartbeat that meets a transaction on its lease waits it out.
				o.Retryables = append(o.Retryables, retry.RetryableErrorCode{
					Codes: map[string]struct{}{"TransactionConflictException": {}},
				})
			})
		},
	}
	if c.Endpoint != "" {
		out.BaseEndpoint = &c.Endpoint
	}
	return out
}

// Main runs a function: handler makes what Lambda calls of the use cases.
func Main(handler func(*Env) any) {
	if limit := memoryLimit(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")); limit > 0 {
		debug.SetMemoryLimit(limit)
	}
	e, err := Load()
	if err != nil {
		slog.Error("can't start", "error", err)
		os.Exit(1) //nolint:revive // the process of a Lambda that can't start has nothing else to do
	}
	lambda.Start(handler(e))
}

// memoryLimit is how many bytes a function of so many megabytes may take before its garbage is collected at once, and
// not when as much has come as is in use; 0 when the size is not known. The rest is for what the limit doesn't count.
func memoryLimit(megabytes string) int64 {
	n, err := strconv.ParseInt(megabytes, 10, 32)
	if err != nil || n < 1 {
		return 0
	}
	return n << 20 / 4 * 3
}
