package rights_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/localstack/platform/deploy"
	"github.com/rollcall/rollcall/localstack/platform/rights"
	"github.com/rollcall/rollcall/localstack/platform/wire"
)

// template is a stack as CDK writes it, with one function.
const template = `{"Resources": {
 "fn1": {"Type": "AWS::Lambda::Function", "Properties": {
  "Environment": {"Variables": {"ROLLCALL_FUNCTION": "a"}}, "Role": {"Fn::GetAtt": ["role1", "Arn"]}}},
 "policy1": {"Type": "AWS::IAM::Policy", "Properties": {"Roles": [{"Ref": "role1"}], "PolicyDocument": {"Statement": [
  {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
   "Resource": {"Fn::GetAtt": ["Leases1", "Arn"]}},
  {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": {"Fn::GetAtt": ["Chat1", "Arn"]}},
  {"Effect": "Allow", "Action": "dynamodb:Query",
   "Resource": {"Fn::Join": ["/index/", [{"Fn::GetAtt": ["Chat1", "Arn"]}, "*"]]}},
  {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["Wakeups1", "Arn"]}},
  {"Effect": "Allow", "Action": ["sqs:CreateQueue", "sqs:SendMessage"],
   "Resource": {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":sqs:", {"Ref": "AWS::Region"}, ":",
    {"Ref": "AWS::AccountId"}, ":rollcall-chat-*"]]}},
  {"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"},
  {"Effect": "Allow", "Action": "events:PutEvents",
   "Resource": {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":events:", {"Ref": "AWS::Region"}, ":",
    {"Ref": "AWS::AccountId"}, ":event-bus/default"]]},
   "Condition": {"StringEquals": {"events:source": "rollcall"}}}
 ]}}}
}}`

func TestOnlyWhatTheRoleAllows(t *testing.T) {
	const queues = "http://127.0.0.1:4566/000000000000/"
	d := deploy.Deployment{Physical: map[string]string{
		"Leases1": "leases-x", "Chat1": "chat-x", "Wakeups1": queues + "wakeups-x", "Dead1": queues + "dead.fifo",
	}}
	if err := json.Unmarshal([]byte(template), &d.Template); err != nil {
		t.Fatal(err)
	}
	var g rights.Guard
	call := func(function, name, body string) (done bool, a wire.Answer) {
		service, operation, _ := strings.Cut(name, ".")
		c := wire.Call{Service: service, Operation: operation, Function: function, Body: []byte(body)}
		a = g.Layer(t.Context(), c, func(wire.Call) wire.Answer {
			done = true
			return wire.Answer{Status: http.StatusOK}
		})
		return done, a
	}
	if done, _ := call("rollcall-a", "DynamoDB.DeleteTable", `{}`); !done {
		t.Fatal("refused before Enforce")
	}
	if err := g.Enforce(&d); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, body string
		may        bool
	}{
		{"DynamoDB.GetItem", `{"TableName": "leases-x"}`, true},
		{"DynamoDB.GetItem", `{"TableName": "chat-x"}`, false},
		{"DynamoDB.Query", `{"TableName": "chat-x", "IndexName": "open"}`, true},
		{"DynamoDB.Query", `{"TableName": "chat-x"}`, false},
		{"DynamoDB.BatchGetItem", `{"RequestItems": {"chat-x": {}}}`, false},
		{
			"DynamoDB.TransactWriteItems",
			`{"TransactItems": [{"Update": {"TableName": "leases-x"}}, {"Put": {"TableName": "chat-x"}}]}`, true,
		},
		{
			"DynamoDB.TransactWriteItems",
			`{"TransactItems": [{"ConditionCheck": {"TableName": "leases-x"}}, {"Put": {"TableName": "chat-x"}}]}`, false,
		},
		{"AmazonSQS.SendMessage", `{"QueueUrl": "http://127.0.0.1:4566/000000000000/wakeups-x"}`, true},
		{"AmazonSQS.SendMessageBatch", `{"QueueUrl": "http://127.0.0.1:4566/000000000000/rollcall-chat-w-g0.fifo"}`, true},
		{"AmazonSQS.SendMessage", `{"QueueUrl": "http://127.0.0.1:4566/000000000000/dead.fifo"}`, false},
		{"AmazonSQS.CreateQueue", `{"QueueName": "rollcall-chat-w-g0.fifo"}`, true},
		{"AmazonSQS.CreateQueue", `{"QueueName": "another"}`, false},
		{"AmazonSQS.ListQueues", `{}`, true},
		{"AmazonSQS.DeleteQueue", `{"QueueUrl": "http://127.0.0.1:4566/000000000000/rollcall-chat-w-g0.fifo"}`, false},
		{"AWSEvents.PutEvents", `{"Entries": [{"Source": "rollcall"}]}`, true},
		{"AWSEvents.PutEvents", `{"Entries": [{"EventBusName": "another", "Source": "rollcall"}]}`, false},
		{"AWSEvents.PutEvents", `{"Entries": [{"Source": "rollcall"}, {"Source": "another"}]}`, false},
		{"Lambda.Invoke", `{}`, false},
	} {
		done, a := call("rollcall-a", c.name, c.body)
		if done != c.may || (!done && !strings.Contains(string(a.Body), "AccessDenied")) {
			t.Errorf("%s %s: done=%v, %d %s", c.name, c.body, done, a.Status, a.Body)
		}
	}
	if denied := g.Denied(); len(denied) != 10 || !strings.Contains(denied[0], "rollcall-a does not allow") {
		t.Errorf("it tells of %q", denied)
	}
	if done, _ := call("rollcall-b", "DynamoDB.GetItem", `{"TableName": "leases-x"}`); done {
		t.Error("a function without a role may read")
	}
	if done, _ := call("", "DynamoDB.DeleteTable", `{}`); !done {
		t.Error("a caller that is not a function is refused")
	}
}
