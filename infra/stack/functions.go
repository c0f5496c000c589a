package stack

import (
	"path/filepath"
	"runtime"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// actions is what each function may do, no more. A test holds the synthesized
// roles to this table. GetQueueUrl and CreateQueue are on chat queues only.
var actions = map[string]struct {
	leases, chat, indexes, wakeups, chatQueues, deadLetters, bus []string
	lists                                                        bool // all queues; SQS knows no narrower right
}{
	"register":  {leases: []string{"GetItem", "UpdateItem"}, chat: []string{"GetItem", "PutItem", "UpdateItem"}, wakeups: []string{"SendMessage"}},
	"heartbeat": {leases: []string{"UpdateItem"}, chat: []string{"GetItem", "PutItem"}, wakeups: []string{"SendMessage"}},
	"enqueue": {
		leases: []string{"GetItem", "Scan", "UpdateItem"}, chat: []string{"GetItem", "BatchGetItem", "PutItem"}, indexes: []string{"Query"},
		wakeups: []string{"SendMessage"},
	},
	"inbox":  {leases: []string{"GetItem", "UpdateItem"}, chat: []string{"GetItem", "BatchGetItem", "PutItem"}, indexes: []string{"Query"}, wakeups: []string{"SendMessage"}},
	"status": {leases: []string{"GetItem", "Scan", "UpdateItem"}, chat: []string{"GetItem", "BatchGetItem", "PutItem", "Query"}, indexes: []string{"Query"}},
	"operate": {
		leases: []string{"GetItem", "UpdateItem", "Scan"}, chat: []string{"GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"}, indexes: []string{"Query"},
		wakeups: []string{"SendMessage"}, chatQueues: []string{"GetQueueUrl", "DeleteQueue"}, lists: true, bus: []string{"PutEvents"},
	},
	"dispatch": {
		leases: []string{"GetItem", "UpdateItem", "ConditionCheckItem"}, chat: []string{"GetItem", "BatchGetItem", "PutItem", "DeleteItem", "Query"}, indexes: []string{"Query"},
		wakeups:     []string{"SendMessage", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility", "GetQueueUrl"},
		chatQueues:  []string{"GetQueueUrl", "CreateQueue", "SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"},
		deadLetters: []string{"SendMessage"}, bus: []string{"PutEvents"},
	},
	"sweeper": {
		leases: []string{"GetItem", "UpdateItem", "Scan"}, chat: []string{"GetItem", "BatchGetItem", "PutItem", "UpdateItem", "Query"}, indexes: []string{"Query"},
		wakeups: []string{"SendMessage"}, chatQueues: []string{"GetQueueUrl", "DeleteQueue"}, lists: true, bus: []string{"PutEvents"},
	},
}

// Names are the functions, in order.
func Names() []string {
	var out []string
	for name := range actions {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

var timeouts = map[string]float64{"dispatch": dispatchTimeout, "sweeper": sweeperTimeout}

func newFunctions(s awscdk.Stack, cfg Config, d data, q queues) map[string]awslambda.Function {
	arch := awslambda.Architecture_ARM_64()
	if cfg.Local && runtime.GOARCH == "amd64" {
		arch = awslambda.Architecture_X86_64()
	}
	env := map[string]*string{
		"ROLLCALL_LEASES_TABLE":    d.leases.TableName(),
		"ROLLCALL_CHAT_TABLE":      d.chat.TableName(),
		"ROLLCALL_WAKEUPS_URL":     q.wakeups.QueueUrl(),
		"ROLLCALL_DEAD_LETTER_URL": q.deadLetters.QueueUrl(),
		"ROLLCALL_DEAD_LETTER_ARN": q.deadLetters.QueueArn(),
		"ROLLCALL_QUEUE_PREFIX":    jsii.String(QueuePrefix),
		"ROLLCALL_OPERATOR_SHA256": jsii.String(cfg.OperatorSHA256),
	}
	if cfg.Local {
		env["ROLLCALL_BOOTSTRAP"] = jsii.String("open")
		env["ROLLCALL_CHAT"] = jsii.String("open")
		env["ROLLCALL_AGENT_URLS"] = jsii.String("private")
	}
	for name, value := range cfg.Settings {
		env[name] = &value
	}
	fns := map[string]awslambda.Function{}
	for _, name := range Names() {
		timeout := timeouts[name]
		if timeout == 0 {
			timeout = apiTimeout
		}
		role := awsiam.NewRole(s, jsii.String(name+"-role"), &awsiam.RoleProps{AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil)})
		logs := awslogs.NewLogGroup(s, jsii.String(name+"-logs"), &awslogs.LogGroupProps{Retention: awslogs.RetentionDays_ONE_MONTH, RemovalPolicy: awscdk.RemovalPolicy_DESTROY})
		logs.GrantWrite(role)
		fns[name] = awslambda.NewFunction(s, jsii.String(name), &awslambda.FunctionProps{
			FunctionName: jsii.String("rollcall-" + name), Description: jsii.String("Rollcall " + name), Role: role, LogGroup: logs,
			Runtime: awslambda.Runtime_PROVIDED_AL2023(), Architecture: arch, Handler: jsii.String("bootstrap"),
			Code:        awslambda.Code_FromAsset(jsii.String(filepath.Join(cfg.Functions, name)), nil),
			Environment: &env, MemorySize: jsii.Number(256), Timeout: awscdk.Duration_Seconds(jsii.Number(timeout)),
		})
	}
	return fns
}

func grant(s awscdk.Stack, fns map[string]awslambda.Function, d data, q queues) {
	chatQueues := s.FormatArn(&awscdk.ArnComponents{Service: jsii.String("sqs"), Resource: jsii.String(QueuePrefix + "*")})
	bus := s.FormatArn(&awscdk.ArnComponents{Service: jsii.String("events"), Resource: jsii.String("event-bus"), ResourceName: jsii.String("default")})
	indexes := awscdk.Fn_Join(jsii.String("/index/"), &[]*string{d.chat.TableArn(), jsii.String("*")})
	for name, fn := range fns {
		a := actions[name]
		for _, g := range []struct {
			service string
			verbs   []string
			on      *string
		}{
			{"dynamodb", a.leases, d.leases.TableArn()},
			{"dynamodb", a.chat, d.chat.TableArn()},
			{"dynamodb", a.indexes, indexes},
			{"sqs", a.wakeups, q.wakeups.QueueArn()},
			{"sqs", a.chatQueues, chatQueues},
			{"sqs", a.deadLetters, q.deadLetters.QueueArn()},
			{"events", a.bus, bus},
		} {
			if len(g.verbs) == 0 {
				continue
			}
			var verbs []*string
			for _, v := range g.verbs {
				verbs = append(verbs, jsii.String(g.service+":"+v))
			}
			fn.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: &verbs, Resources: &[]*string{g.on}}))
		}
		if a.lists {
			fn.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings("sqs:ListQueues"), Resources: jsii.Strings("*")}))
		}
	}
}
