package stack

import (
	"maps"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// Names are the functions, in order.
func Names() []string {
	return slices.Sorted(maps.Keys(granted))
}

// timeouts are those that are not apiTimeout, in seconds.
var timeouts = map[string]float64{"dispatch": dispatchTimeout, "sweeper": sweeperTimeout}

// newFunctions makes each function with a role of its own, which may only write
// its logs; grant gives it the rest.
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
		if !ofStack[name] {
			env[name] = &value
		}
	}
	fns := map[string]awslambda.Function{}
	for _, name := range Names() {
		timeout := timeouts[name]
		if timeout == 0 {
			timeout = apiTimeout
		}
		role := awsiam.NewRole(s, jsii.String(name+"-role"), &awsiam.RoleProps{
			AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		})
		logs := awslogs.NewLogGroup(s, jsii.String(name+"-logs"), &awslogs.LogGroupProps{
			Retention: awslogs.RetentionDays_ONE_MONTH, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		})
		logs.GrantWrite(role)
		fns[name] = awslambda.NewFunction(s, jsii.String(name), &awslambda.FunctionProps{
			FunctionName: jsii.String("rollcall-" + name),
			Description:  jsii.String("Rollcall " + name),
			Role:         role,
			LogGroup:     logs,
			Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
			Architecture: arch,
			Handler:      jsii.String("bootstrap"),
			Code:         awslambda.Code_FromAsset(jsii.String(filepath.Join(cfg.Functions, name)), nil),
			Environment:  &env,
			MemorySize:   jsii.Number(256),
			Timeout:      awscdk.Duration_Seconds(jsii.Number(timeout)),
		})
	}
	return fns
}
