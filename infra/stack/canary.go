package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodedeploy"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// live is the alias that the API, the queues and the schedule invoke: what serves. A
// deployment moves it to the new version, first for a tenth of the calls.
const live = "live"

// canaries reports whether a deployment moves the functions step by step. No local
// platform takes CodeDeploy's resources.
func (c Config) canaries() bool { return !c.Local && c.Settings.Canary == Yes }

// newCanaries gives each function its alias, and a deployment group that moves it.
func newCanaries(s awscdk.Stack, cfg Config, fns functions) {
	if !cfg.canaries() {
		return
	}
	application := awscodedeploy.NewLambdaApplication(s, jsii.String("Canaries"), nil)
	role := awsiam.NewRole(s, jsii.String("canaries-role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("codedeploy.amazonaws.com"), nil),
	})
	topic := alarmTopic(s, cfg)
	for _, name := range Names() {
		fn := fns[name].lambda
		props := &awslambda.AliasProps{AliasName: jsii.String(live), Version: fn.CurrentVersion()}
		if name == "sweeper" {
			props.RetryAttempts, props.MaxEventAge = sweepOnce()
		}
		alias := awslambda.NewAlias(s, jsii.String(name+"-live"), props)
		awscodedeploy.NewLambdaDeploymentGroup(s, jsii.String(name+"-canary"), &awscodedeploy.LambdaDeploymentGroupProps{
			Alias: alias, Application: application, Role: role,
			Alarms:           &[]interfacesawscloudwatch.IAlarmRef{newCanaryAlarm(s, topic, name, fn)},
			DeploymentConfig: awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_5MINUTES(),
			AutoRollback: &awscodedeploy.AutoRollbackConfig{
				FailedDeployment: jsii.Bool(true), StoppedDeployment: jsii.Bool(true), DeploymentInAlarm: jsii.Bool(true),
			},
		})
		fns[name] = function{fn, alias}
	}
}

// newCanaryAlarm rises at the first error of a function's new version: the alias then
// goes back to the one before. Errors of that one don't stop the version that mends them.
func newCanaryAlarm(s awscdk.Stack, topic awssns.ITopic, name string, fn awslambda.Function) awscloudwatch.Alarm {
	errors := awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/Lambda"), MetricName: jsii.String("Errors"), Statistic: jsii.String("Sum"),
		Period: awscdk.Duration_Minutes(jsii.Number(1)),
		DimensionsMap: &map[string]*string{
			"FunctionName": fn.FunctionName(), "ExecutedVersion": fn.CurrentVersion().Version(),
			"Resource": awscdk.Fn_Join(jsii.String(":"), jsii.Strings(*fn.FunctionName(), live)),
		},
	})
	return newAlarm(s, topic, name+"-errors", alarm{
		name: canaryAlarm, says: "the new version of " + name + " crashes or times out", metric: errors, threshold: 1,
	})
}

// canaryAlarm is what the runbooks call the alarms of new versions.
const canaryAlarm = "Canary"
