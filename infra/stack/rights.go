package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/shared/eventbridge"
)

// rights are the actions of one function, by what it acts on. GetQueueUrl and
// CreateQueue are on chat queues only.
type rights struct {
	leases, chat, indexes []string // DynamoDB: the tables, and the indexes of chat
	wakeups, deadLetters  []string // SQS: the queues of the stack
	slowWakeups           []string
	callbackWakeups       []string // webhooks are told in that lane too, by who records a change
	sweepTasks            []string
	chatQueues            []string // SQS: those that are made at run time
	listQueues            bool     // all queues: SQS knows no narrower right
	bus                   []string // EventBridge
}

// answersWakeups is what a function may do with a queue that invokes it, and that it
// sends to.
var answersWakeups = []string{
	"SendMessage", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility", "GetQueueUrl",
}

// granted is what each function may do, no more. A test holds the synthesized
// roles to this table.
var granted = map[string]rights{
	"register": {
		leases:          []string{"GetItem", "UpdateItem"},
		chat:            []string{"GetItem", "PutItem", "UpdateItem"},
		wakeups:         []string{"SendMessage"},
		callbackWakeups: []string{"SendMessage"},
	},
	"heartbeat": {
		leases:          []string{"GetItem", "UpdateItem"},
		chat:            []string{"GetItem", "PutItem", "UpdateItem"},
		wakeups:         []string{"SendMessage"},
		callbackWakeups: []string{"SendMessage"},
	},
	"enqueue": {
		leases:          []string{"GetItem", "Scan", "UpdateItem"},
		chat:            []string{"GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"},
		indexes:         []string{"Query"},
		wakeups:         []string{"SendMessage"},
		callbackWakeups: []string{"SendMessage"},
	},
	"inbox": {
		leases:          []string{"GetItem", "UpdateItem"},
		chat:            []string{"GetItem", "BatchGetItem", "PutItem", "UpdateItem"},
		indexes:         []string{"Query"},
		wakeups:         []string{"SendMessage"},
		callbackWakeups: []string{"SendMessage"},
	},
	"status": {
		leases:          []string{"GetItem", "Scan", "UpdateItem"},
		chat:            []string{"GetItem", "BatchGetItem", "PutItem", "UpdateItem", "Query"},
		indexes:         []string{"Query"},
		callbackWakeups: []string{"SendMessage"},
	},
	"operate": {
		leases:          []string{"GetItem", "BatchGetItem", "UpdateItem", "Scan"},
		chat:            []string{"GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"},
		indexes:         []string{"Query"},
		wakeups:         []string{"SendMessage"},
		callbackWakeups: []string{"SendMessage"},
		sweepTasks:      []string{"SendMessage"},
		chatQueues:      []string{"GetQueueUrl", "DeleteQueue"},
		listQueues:      true,
		bus:             []string{"PutEvents"},
	},
	"dispatch": {
		leases:          []string{"GetItem", "UpdateItem", "ConditionCheckItem"},
		chat:            []string{"GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"},
		indexes:         []string{"Query"},
		wakeups:         answersWakeups,
		slowWakeups:     answersWakeups,
		callbackWakeups: answersWakeups,
		chatQueues: []string{
			"GetQueueUrl", "CreateQueue", "SendMessage", "ReceiveMessage", "DeleteMessage",
			"ChangeMessageVisibility",
		},
		deadLetters: []string{"SendMessage"},
		bus:         []string{"PutEvents"},
	},
	"sweeper": {
		leases:          []string{"GetItem", "BatchGetItem", "UpdateItem", "Scan"},
		chat:            []string{"GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"},
		indexes:         []string{"Query"},
		wakeups:         []string{"SendMessage"},
		callbackWakeups: []string{"SendMessage"},
		sweepTasks:      answersWakeups,
		chatQueues:      []string{"GetQueueUrl", "DeleteQueue"},
		listQueues:      true,
		bus:             []string{"PutEvents"},
	},
}

// grant gives each function its rights.
func grant(s awscdk.Stack, fns functions, d data, q queues) {
	chatQueues := s.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("sqs"), Resource: jsii.String(QueuePrefix(*s.StackName()) + "*"),
	})
	bus := s.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("events"), Resource: jsii.String("event-bus"), ResourceName: jsii.String("default"),
	})
	indexes := awscdk.Fn_Join(jsii.String("/index/"), &[]*string{d.chat.TableArn(), jsii.String("*")})
	for _, name := range Names() {
		fn, may := fns[name].lambda, granted[name]
		allow(fn, "dynamodb", may.leases, d.leases.TableArn())
		allow(fn, "dynamodb", may.chat, d.chat.TableArn())
		allow(fn, "dynamodb", may.indexes, indexes)
		allow(fn, "sqs", may.wakeups, q.wakeups.QueueArn())
		allow(fn, "sqs", may.slowWakeups, q.slowWakeups.QueueArn())
		allow(fn, "sqs", may.callbackWakeups, q.callbackWakeups.QueueArn())
		allow(fn, "sqs", may.sweepTasks, q.sweepTasks.QueueArn())
		allow(fn, "sqs", may.chatQueues, chatQueues)
		allow(fn, "sqs", may.deadLetters, q.deadLetters.QueueArn())
		announce(fn, may.bus, bus)
		if may.listQueues {
			allow(fn, "sqs", []string{"ListQueues"}, jsii.String("*"))
		}
	}
}

// allow lets a function take a service's actions on a resource.
func allow(fn awslambda.Function, service string, verbs []string, resource *string) {
	if len(verbs) > 0 {
		fn.AddToRolePolicy(statement(service, verbs, resource))
	}
}

// announce lets a function put events on a bus, in our name only: others listen there too.
func announce(fn awslambda.Function, verbs []string, bus *string) {
	if len(verbs) == 0 {
		return
	}
	put := statement("events", verbs, bus)
	put.AddCondition(jsii.String("StringEquals"), map[string]string{"events:source": eventbridge.Source})
	fn.AddToRolePolicy(put)
}

func statement(service string, verbs []string, resource *string) awsiam.PolicyStatement {
	var actions []*string
	for _, verb := range verbs {
		actions = append(actions, jsii.String(service+":"+verb))
	}
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: &actions, Resources: &[]*string{resource}})
}
