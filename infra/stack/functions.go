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
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"
)

// Names are the functions, in order.
func Names() []string {
	return slices.Sorted(maps.Keys(granted))
}

// functions are the functions, by name.
type functions map[string]function

// function is one of them.
type function struct {
	lambda  awslambda.Function
	serving awslambda.IFunction // what is invoked: the function, or its alias
}

// newFunctions makes each function with a role of its own, which may only write
// its logs; grant gives it the rest.
func newFunctions(s awscdk.Stack, cfg Config, d data, q queues) functions {
	arch := awslambda.Architecture_ARM_64()
	if cfg.Local && runtime.GOARCH == "amd64" {
		arch = awslambda.Architecture_X86_64()
	}
	env := map[string]*string{
		"ROLLCALL_LEASES_TABLE":         d.leases.TableName(),
		"ROLLCALL_CHAT_TABLE":           d.chat.TableName(),
		"ROLLCALL_WAKEUPS_URL":          q.wakeups.QueueUrl(),
		"ROLLCALL_SLOW_WAKEUPS_URL":     q.slowWakeups.QueueUrl(),
		"ROLLCALL_CALLBACK_WAKEUPS_URL": q.callbackWakeups.QueueUrl(),
		"ROLLCALL_SWEEP_TASKS_URL":      q.sweepTasks.QueueUrl(),
		"ROLLCALL_DEAD_LETTER_URL":      q.deadLetters.QueueUrl(),
		"ROLLCALL_DEAD_LETTER_ARN":      q.deadLetters.QueueArn(),
		"ROLLCALL_QUEUE_PREFIX":         jsii.String(QueuePrefix(*s.StackName())),
		"ROLLCALL_STACK":                s.StackName(),
		"ROLLCALL_OPERATOR_SHA256":      operatorDigest(s, cfg),
	}
	if cfg.Local && cfg.Settings.LocalPolicies == OpenPolicies {
		env["ROLLCALL_BOOTSTRAP"] = jsii.String("open")
		env["ROLLCALL_CHAT"] = jsii.String("open")
		env["ROLLCALL_VIEW"] = jsii.String("open")
		env["ROLLCALL_AGENT_URLS"] = jsii.String("private")
	}
	if cfg.Local {
		env["ROLLCALL_STORE_PATIENCE"] = jsii.String("10s") // an emulator on a busy machine
	}
	if cfg.Settings.Tracing == Yes {
		env["ROLLCALL_TRACING"] = jsii.String("true")
	}
	for name, value := range cfg.Settings.Variables {
		env[name] = &value
	}
	fns := functions{}
	for _, name := range Names() {
		own := maps.Clone(env)
		own["ROLLCALL_FUNCTION"] = &name
		fns[name] = newFunction(s, cfg, name, &awslambda.FunctionProps{Architecture: arch, Environment: &own})
	}
	return fns
}

// operatorDigest is the digest of the operator credential.
func operatorDigest(s awscdk.Stack, cfg Config) *string {
	if cfg.OperatorParameter != "" {
		return awsssm.StringParameter_ValueForStringParameter(s, &cfg.OperatorParameter, nil)
	}
	return &cfg.OperatorSHA256
}

// newFunction makes one function of what is common to all.
func newFunction(s awscdk.Stack, cfg Config, name string, props *awslambda.FunctionProps) function {
	role := awsiam.NewRole(s, jsii.String(name+"-role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	logs := newLogs(s, cfg, name+"-logs")
	logs.GrantWrite(role)
	newRefusalMetric(name, logs)
	props.Description = jsii.String("Rollcall " + name)
	props.Role, props.LogGroup = role, logs
	props.Runtime, props.Handler = awslambda.Runtime_PROVIDED_AL2023(), jsii.String("bootstrap")
	props.Code = awslambda.Code_FromAsset(jsii.String(filepath.Join(cfg.Functions, name)), nil)
	props.MemorySize = jsii.Number(float64(cfg.Settings.memory(name)))
	props.Timeout = awscdk.Duration_Seconds(jsii.Number(float64(cfg.Settings.timeout(name))))
	// Lambda's own three lines of each call cost more than the call.
	props.LoggingFormat, props.SystemLogLevelV2 = awslambda.LoggingFormat_JSON, awslambda.SystemLogLevel_WARN
	switch name {
	case "dispatch":
		// It sends wake-ups to the queue that invokes it: that is the timer of its
		// retries, with a growing delay, and no loop that Lambda may stop.
		props.RecursiveLoop = awslambda.RecursiveLoop_ALLOW
		props.ReservedConcurrentExecutions = cfg.reserved(cfg.dispatches())
	case "sweeper":
		if !cfg.canaries() { // else the alias has them
			props.RetryAttempts, props.MaxEventAge = sweepOnce()
		}
		props.ReservedConcurrentExecutions = cfg.reserved(sweepsAtOnce + cfg.workers())
	default:
		if n := cfg.Settings.Reserved[name]; n > 0 {
			props.ReservedConcurrentExecutions = cfg.reserved(n)
		}
	}
	if cfg.OperatorParameter != "" {
		// A version keeps its environment. One digest in the parameter for another makes a new version.
		props.CurrentVersionOptions = &awslambda.VersionOptions{Description: operatorDigest(s, cfg)}
	}
	if cfg.Settings.Tracing == Yes {
		props.Tracing = awslambda.Tracing_ACTIVE
	}
	fn := awslambda.NewFunction(s, &name, props)
	return function{fn, fn}
}

// sweepOnce is how often Lambda repeats a sweep that failed, and how long it may wait to
// begin: the next minute sweeps again, and a retry would be a sweep beside it.
func sweepOnce() (retries *float64, oldest awscdk.Duration) {
	return jsii.Number(0), awscdk.Duration_Minutes(jsii.Number(1))
}

// sweepsAtOnce is one sweep, and another that the schedule begins while the first
// has not quite ended.
const sweepsAtOnce = 2

// newLogs makes a log group; it stays when the stack is deleted.
func newLogs(s awscdk.Stack, cfg Config, id string) awslogs.LogGroup {
	return awslogs.NewLogGroup(s, &id, &awslogs.LogGroupProps{
		Retention: retentions[cfg.Settings.LogDays], RemovalPolicy: cfg.kept(),
	})
}
