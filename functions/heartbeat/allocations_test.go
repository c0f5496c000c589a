package main

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/dynamo"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/emulatortest"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// maxAllocations is how many allocations a heartbeat may make beside those of the SDK's call, with Go 1.26.
const maxAllocations = 225

// replay is a middleware that keeps the last answer of DynamoDB, and gives it again in place of a call when it is told
// to: what then allocates is Rollcall's own code.
type replay struct {
	on      bool
	request *dynamodb.UpdateItemInput
	reply   any
}

func (r *replay) install(c *aws.Config) {
	c.APIOptions = append(c.APIOptions, func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("replay", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (out middleware.InitializeOutput, md middleware.Metadata, err error) {
			if r.on {
				return middleware.InitializeOutput{Result: r.reply}, md, nil
			}
			out, md, err = next.HandleInitialize(ctx, in)
			r.request, _ = in.Parameters.(*dynamodb.UpdateItemInput)
			r.reply = out.Result
			return out, md, err
		}), middleware.Before)
	})
}

// A heartbeat is the call that a fleet makes most: what it allocates is what the function's memory is collected for.
func TestAllocationsOfAHeartbeat(t *testing.T) {
	base, id, now := emulatortest.Config(t), uuid.NewString(), time.Now().UTC()
	cfg := app.Config{
		Region: base.Region, AccessKey: "test", SecretKey: "test", Endpoint: *base.BaseEndpoint,
		LeasesTable: "leases-" + id, ChatTable: "chat-" + id, QueuePrefix: "beat-", DeadLetterURL: "none",
		DeadLetterARN: "none", OperatorHash: strings.Repeat("0", 64), Bootstrap: workspace.Open, Chat: app.Open,
		View: app.Open, AgentURLs: push.Private, PushTimeout: time.Minute, StorePatience: 10 * time.Second,
		Peers: workspace.PeersFleet,
	}
	db := dynamodb.NewFromConfig(base)
	emulatortest.CreateTable(t, db, cfg.LeasesTable, []string{dynamo.LeaseKey}, nil)
	emulatortest.CreateTable(t, db, cfg.ChatTable, []string{dynamo.ChatPartition, dynamo.ChatSort},
		map[string]string{dynamo.OpenIndex: dynamo.OpenOrder, dynamo.LogIndex: dynamo.LogOrder})
	var answers replay
	env, err := app.New(cfg, answers.install, func(c *aws.Config) { c.HTTPClient = base.HTTPClient })
	if err != nil {
		t.Fatal(err)
	}
	made, err := env.Registry.Register(t.Context(), registry.Registration{
		ID: id, From: "127.0.0.1", Mode: workspace.Poll,
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	serve := httpapi.Serve(slog.New(slog.DiscardHandler), func() time.Time { return now }, env.Gate, endpoints(env)...)
	call := events.APIGatewayV2HTTPRequest{
		RouteKey: "POST /registry/heartbeat", RawPath: "/registry/heartbeat",
		Headers: map[string]string{"authorization": "Bearer " + made.AuthToken, "content-type": "application/json"},
		Body:    `{"workspace_id":"` + id + `","active_tasks":0,"error_rate":0,"uptime_seconds":60}`,
	}
	call.RequestContext.HTTP.Method, call.RequestContext.HTTP.SourceIP = "POST", "127.0.0.1"
	beat := func() {
		if reply, err := serve(t.Context(), call); err != nil || reply.StatusCode != http.StatusOK {
			t.Fatalf("%d %s %v", reply.StatusCode, reply.Body, err)
		}
	}
	for range 3 { // the first use of the credential, and what it changes
		beat()
	}
	answers.on = true
	client := dynamodb.NewFromConfig(env.AWS)
	bare := testing.AllocsPerRun(100, func() {
		if _, err := client.UpdateItem(t.Context(), answers.request); err != nil {
			t.Fatal(err)
		}
	})
	got := testing.AllocsPerRun(100, beat) - bare
	t.Logf("heartbeat: %.0f allocations beside the SDK's", got)
	if got > maxAllocations {
		t.Errorf("a heartbeat makes %.0f allocations, more than %d", got, maxAllocations)
	}
}
