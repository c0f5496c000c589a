package stack_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/infra/stack"
	"github.com/rollcall/rollcall/shared/api"
)

type object = map[string]any

// synth is the deployed stack's template; functions are empty stand-ins, as
// their code is not what is asserted.
func synth(t *testing.T, local bool) object {
	t.Helper()
	dir := t.TempDir()
	for _, name := range stack.Names() {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "bootstrap"), []byte(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	app := awscdk.NewApp(nil)
	if err := stack.New(app, "Test", stack.Config{Functions: dir, OperatorSHA256: strings.Repeat("ab", 32), Local: local}); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(assertions.Template_FromStack(app.Node().FindChild(jsii.String("Test")).(awscdk.Stack), nil).ToJSON())
	if err != nil {
		t.Fatal(err)
	}
	var template object
	if err := json.Unmarshal(raw, &template); err != nil {
		t.Fatal(err)
	}
	return template["Resources"].(object)
}

// of lists the resources of a type, by logical id.
func of(resources object, kind string) map[string]object {
	out := map[string]object{}
	for id, r := range resources {
		if r := r.(object); r["Type"] == kind {
			out[id], _ = r["Properties"].(object)
		}
	}
	return out
}

func TestStack(t *testing.T) {
	defer jsii.Close()
	r := synth(t, false)
	functions := map[string]object{}
	for _, f := range of(r, "AWS::Lambda::Function") {
		functions[f["FunctionName"].(string)] = f
	}

	t.Run("tables are on demand, with recovery; only chat has an index", func(t *testing.T) {
		for id, p := range of(r, "AWS::DynamoDB::Table") {
			if p["BillingMode"] != "PAY_PER_REQUEST" || p["PointInTimeRecoverySpecification"].(object)["PointInTimeRecoveryEnabled"] != true {
				t.Errorf("%s: %v", id, p)
			}
			if strings.HasPrefix(id, "Leases") && (p["GlobalSecondaryIndexes"] != nil || p["LocalSecondaryIndexes"] != nil) {
				t.Errorf("a heartbeat would move an index entry: %v", p)
			}
			if strings.HasPrefix(id, "Chat") && p["TimeToLiveSpecification"].(object)["AttributeName"] != "ttl" {
				t.Errorf("%v", p)
			}
			if r[id].(object)["DeletionPolicy"] != "Retain" {
				t.Errorf("%s would go with the stack", id)
			}
		}
	})
	t.Run("functions are arm64, strict, and limited", func(t *testing.T) {
		if len(functions) != 8 {
			t.Fatalf("%d functions", len(functions))
		}
		for name, f := range functions {
			env := f["Environment"].(object)["Variables"].(object)
			if fmt.Sprint(f["Architectures"]) != "[arm64]" || f["Runtime"] != "provided.al2023" || f["Timeout"] == nil {
				t.Errorf("%s: %v", name, f)
			}
			for _, open := range []string{"ROLLCALL_BOOTSTRAP", "ROLLCALL_CHAT", "ROLLCALL_AGENT_URLS", "AWS_ENDPOINT_URL"} {
				if env[open] != nil {
					t.Errorf("%s has the local policy %s", name, open)
				}
			}
		}
	})
	t.Run("timeouts are in the right ratio", func(t *testing.T) {
		dispatch := functions["rollcall-dispatch"]["Timeout"].(float64)
		for id, q := range of(r, "AWS::SQS::Queue") {
			if strings.HasPrefix(id, "Wakeups") {
				if v := q["VisibilityTimeout"].(float64); v < 6*dispatch {
					t.Errorf("wake-ups are invisible for %v s, dispatch runs %v s", v, dispatch)
				}
				if q["RedrivePolicy"].(object)["maxReceiveCount"].(float64) < 5 {
					t.Error("wake-ups give up too soon")
				}
			}
			if strings.HasPrefix(id, "DeadLetters") && q["FifoQueue"] != true {
				t.Error("a FIFO chat queue can only redrive to a FIFO queue")
			}
		}
		if functions["rollcall-sweeper"]["Timeout"].(float64) >= 60 {
			t.Error("sweeps would overlap")
		}
	})
	t.Run("wake-ups invoke dispatch, with partial batch responses", func(t *testing.T) {
		for _, m := range of(r, "AWS::Lambda::EventSourceMapping") {
			if fmt.Sprint(m["FunctionResponseTypes"]) != "[ReportBatchItemFailures]" {
				t.Errorf("%v", m)
			}
		}
	})
	t.Run("the sweeper runs every minute", func(t *testing.T) {
		for _, rule := range of(r, "AWS::Events::Rule") {
			if rule["ScheduleExpression"] != "rate(1 minute)" {
				t.Errorf("%v", rule)
			}
		}
	})
	t.Run("every route is there, and no other", func(t *testing.T) {
		var want, got []string
		for _, name := range stack.Names() {
			want = append(want, api.Routes(name)...)
		}
		for _, route := range of(r, "AWS::ApiGatewayV2::Route") {
			got = append(got, route["RouteKey"].(string))
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
	t.Run("logs are kept for a month", func(t *testing.T) {
		groups := of(r, "AWS::Logs::LogGroup")
		if len(groups) != 8 {
			t.Errorf("%d log groups", len(groups))
		}
		for id, g := range groups {
			if g["RetentionInDays"] != 30.0 {
				t.Errorf("%s: %v", id, g)
			}
		}
	})
	t.Run("the dead-letter queue is not among those the sweeper may delete", func(t *testing.T) {
		for id, p := range of(r, "AWS::SQS::Queue") {
			if name, _ := p["QueueName"].(string); strings.HasPrefix(name, stack.QueuePrefix) {
				t.Errorf("%s is called %s", id, name)
			}
		}
	})
	t.Run("each role has just its actions, and no wildcard resource", func(t *testing.T) {
		want := map[string]string{
			"heartbeat": "dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem sqs:SendMessage",
			"status":    "dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:Scan dynamodb:UpdateItem",
			"inbox":     "dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem sqs:SendMessage",
			"enqueue":   "dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:Scan dynamodb:UpdateItem sqs:SendMessage",
			"register":  "dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem sqs:SendMessage",
			"sweeper":   "dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:Scan dynamodb:UpdateItem events:PutEvents sqs:DeleteQueue sqs:GetQueueUrl sqs:ListQueues sqs:SendMessage",
			"operate":   "dynamodb:BatchGetItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:Scan dynamodb:UpdateItem events:PutEvents sqs:DeleteQueue sqs:GetQueueUrl sqs:ListQueues sqs:SendMessage",
			"dispatch":  "dynamodb:BatchGetItem dynamodb:ConditionCheckItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem events:PutEvents sqs:ChangeMessageVisibility sqs:CreateQueue sqs:DeleteMessage sqs:GetQueueAttributes sqs:GetQueueUrl sqs:ReceiveMessage sqs:SendMessage",
		}
		got := map[string]map[string]bool{}
		for id, p := range of(r, "AWS::IAM::Policy") {
			name, _, _ := strings.Cut(id, "role")
			got[name] = map[string]bool{}
			for _, s := range p["PolicyDocument"].(object)["Statement"].([]any) {
				if s.(object)["Resource"] == "*" && s.(object)["Action"] != "sqs:ListQueues" {
					t.Errorf("%s may act on everything: %v", name, s)
				}
				actions, ok := s.(object)["Action"].([]any)
				if !ok {
					actions = []any{s.(object)["Action"]}
				}
				for _, a := range actions {
					if !strings.HasPrefix(a.(string), "logs:") {
						got[name][a.(string)] = true
					}
				}
			}
		}
		for name, actions := range want {
			var have []string
			for a := range got[name] {
				have = append(have, a)
			}
			slices.Sort(have)
			if strings.Join(have, " ") != actions {
				t.Errorf("%s has %s\nwant %s", name, strings.Join(have, " "), actions)
			}
		}
	})
	t.Run("a stack without the operator's digest is refused", func(t *testing.T) {
		if err := stack.New(awscdk.NewApp(nil), "Bad", stack.Config{Functions: "."}); err == nil {
			t.Error("no error")
		}
	})
}
