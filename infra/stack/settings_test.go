package stack_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/infra/stack"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/sqs"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Sixteen, because what a map orders comes out right most of the time.
func TestSynthesisIsDeterministic(t *testing.T) {
	first := template(t, "", false)
	for n := range 15 {
		if !bytes.Equal(first, template(t, "", false)) {
			t.Fatalf("synthesis %d of unchanged code is another template", n+2)
		}
	}
}

func TestSettingsReachTheTemplate(t *testing.T) {
	r := synth(t, `{
		"max_drains": 40, "sweep_workers": 7, "memory_mb": {"status": 1024}, "timeout_seconds": {"dispatch": 600},
		"log_days": 90,
		"reserve_concurrency": "no", "max_read_units": 4000, "max_write_units": 2000, "warm_read_units": 12000,
		"warm_write_units": 4000, "requests_per_second": 50, "burst": 60, "reads_per_second": 30, "unknown_per_second": 3,
		"ROLLCALL_LEASE_TTL": "60s",
		"domain": "rollcall.example.com", "certificate_arn": "arn:aws:acm:us-east-1:111111111111:certificate/c"
	}`, false)
	fns, chat := r.functions(), r.one(t, "AWS::DynamoDB::Table", "Chat")
	mapping := r.one(t, "AWS::Lambda::EventSourceMapping", "WakeupsToDispatch")
	bounds := object{"MaxReadRequestUnits": 4000.0, "MaxWriteRequestUnits": 2000.0}
	stage, gateway := r.one(t, "AWS::ApiGatewayV2::Stage", ""), r.one(t, "AWS::ApiGatewayV2::Api", "")
	for what, c := range map[string]struct{ got, want any }{
		"drains": {mapping["ScalingConfig"], object{"MaximumConcurrency": 40.0}},
		"workers": {
			r.one(t, "AWS::Lambda::EventSourceMapping", "SweepTasksToSweeper")["ScalingConfig"],
			object{"MaximumConcurrency": 7.0},
		},
		"memory":             {fns["status"]["MemorySize"], 1024.0},
		"others' memory":     {fns["inbox"]["MemorySize"], 512.0},
		"a timeout":          {fns["dispatch"]["Timeout"], 600.0},
		"others' timeout":    {fns["sweeper"]["Timeout"], 55.0},
		"invisible wake-ups": {r.one(t, "AWS::SQS::Queue", "Wakeups")["VisibilityTimeout"], 3600.0},
		"nothing reserved":   {fns["dispatch"]["ReservedConcurrentExecutions"], nil},
		"a bound of a table": {chat["OnDemandThroughput"], bounds},
		"a warm table":       {chat["WarmThroughput"], object{"ReadUnitsPerSecond": 12000.0, "WriteUnitsPerSecond": 4000.0}},
		"a throttle of reads": {
			stage["RouteSettings"].(object)["GET /workspaces"].(object)["ThrottlingRateLimit"], 30.0,
		},
		"a throttle of no route": {
			stage["RouteSettings"].(object)["$default"].(object)["ThrottlingRateLimit"], 3.0,
		},
		"a throttle":    {stage["DefaultRouteSettings"].(object)["ThrottlingRateLimit"], 50.0},
		"logs":          {r.one(t, "AWS::Logs::LogGroup", "statuslogs")["RetentionInDays"], 90.0},
		"a variable":    {fns["heartbeat"]["Environment"].(object)["Variables"].(object)["ROLLCALL_LEASE_TTL"], "60s"},
		"one name only": {gateway["DisableExecuteApiEndpoint"], true},
	} {
		if fmt.Sprint(c.got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, not %v", what, c.got, c.want)
		}
	}
	if n := len(r.of("AWS::ApiGatewayV2::ApiMapping")); n != 1 {
		t.Errorf("the domain leads to %d stages", n)
	}
}

func TestSettingsThatCantBeAreRefused(t *testing.T) {
	for raw, wrong := range map[string]string{
		`{"canary": "maybe"}`:                              "canary",
		`[]`:                                               "one JSON object",
		`{"max_drain": 100}`:                               "max_drain",
		`{"max_drains": 1}`:                                "from 2 to 1000",
		`{"sweep_workers": 1}`:                             "from 2 to 1000",
		`{"max_drains": "many"}`:                           "max_drains",
		`{"memory_mb": {"nobody": 256}}`:                   "nobody",
		`{"memory_mb": {"status": 64}}`:                    "128",
		`{"timeout_seconds": {"sweeper": 60}}`:             "at most 59",
		`{"timeout_seconds": {"status": 30}}`:              "at most 29",
		`{"timeout_seconds": {"dispatch": 150}}`:           "at least 180",
		`{"ROLLCALL_VISIBILITY": "280s"}`:                  "at least 310",
		`{"log_days": 31}`:                                 "log_days",
		`{"domain": "a.example.com"}`:                      "certificate_arn",
		`{"local_policies": "strict"}`:                     "must be open or deployed",
		`{"ROLLCALL_NOTHING": "1"}`:                        "ROLLCALL_NOTHING",
		`{"ROLLCALL_LEASE_TTL": 60}`:                       "must be a text",
		`{"ROLLCALL_LEASE_TTL": "soon"}`:                   "ROLLCALL_LEASE_TTL",
		`{"reserve_concurrency": "perhaps"}`:               "yes or no",
		`{"reserved_concurrency": {"dispatch": 5}}`:        "of a function of the API",
		`{"reserved_concurrency": {"register": 0}}`:        "from 1 to 1000",
		`{"unknown_per_second": 0}`:                        "at least 1",
		`{"burst": 0}`:                                     "burst",
		`{"warm_read_units": -1}`:                          "negative",
		`{"ROLLCALL_CORS_ORIGINS": "*"}`:                   "is not an origin",
		`{"ROLLCALL_CORS_ORIGINS": "https://*"}`:           "is not an origin",
		`{"ROLLCALL_CORS_ORIGINS": "a.example"}`:           "is not an origin",
		`{"ROLLCALL_CORS_ORIGINS": "https://a.example/"}`:  "is not an origin",
		`{"ROLLCALL_CORS_ORIGINS": "https://u@a.example"}`: "is not an origin",
		`{"ROLLCALL_CORS_ORIGINS": "null"}`:                "is not an origin",
	} {
		if _, err := stack.ParseSettings(raw); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestNoStagesQueuesAreAmongAnothers(t *testing.T) {
	name := rapid.StringMatching(`[A-Za-z][A-Za-z0-9-]{0,20}`) // as CloudFormation wants it
	rapid.Check(t, func(t *rapid.T) {
		a, b := name.Draw(t, "one stack"), name.Draw(t, "another")
		if a != b && strings.HasPrefix(stack.QueuePrefix(a), stack.QueuePrefix(b)) {
			t.Fatalf("a sweep of %s would remove the queues of %s", b, a)
		}
	})
	for _, c := range []struct{ a, b string }{{"Rollcall-chat", "Rollcall"}, {"Rollcall-beta", "Rollcall"}} {
		if strings.HasPrefix(stack.QueuePrefix(c.a), stack.QueuePrefix(c.b)) {
			t.Errorf("a sweep of %s would remove the queues of %s", c.b, c.a)
		}
	}
}

func TestTheNamesOfQueuesFitTheirLimit(t *testing.T) {
	longest := &sqs.ChatQueues{Prefix: stack.QueuePrefix(strings.Repeat("s", 18))}
	name := longest.Name(delivery.ChatQueue{
		Life: workspace.Life{Workspace: strings.Repeat("w", 40), Number: 999}, Generation: 99_999,
	})
	if len(name) > 80 {
		t.Errorf("%s has %d characters", name, len(name))
	}
	cfg := stack.Config{OperatorSHA256: strings.Repeat("ab", 32), Settings: stack.DefaultSettings()}
	if err := stack.New(newApp(t), strings.Repeat("s", 19), cfg); err == nil {
		t.Error("a longer name is taken")
	}
}
