package stack

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/metrics"
)

// maxDrains is how many drains run at once: a fleet that comes back at once waits
// its turn in the wake-ups queue and not in the agents' faces, nor in the
// account's concurrency, which the API functions need.
// A local platform has the two or four cores of one machine.
const (
	maxDrains      = 100
	maxDrainsLocal = 4
)

func newTriggers(s awscdk.Stack, cfg Config, fns map[string]awslambda.Function, q queues) {
	drains := float64(maxDrains)
	if cfg.Local {
		drains = maxDrainsLocal
	}
	awslambda.NewEventSourceMapping(s, jsii.String("WakeupsToDispatch"), &awslambda.EventSourceMappingProps{
		Target: fns["dispatch"], EventSourceArn: q.wakeups.QueueArn(), BatchSize: jsii.Number(1), ReportBatchItemFailures: jsii.Bool(true),
		MaxConcurrency: jsii.Number(drains),
	})
	// A rule, not EventBridge Scheduler: rules fire on both local emulators.
	awsevents.NewRule(s, jsii.String("EveryMinute"), &awsevents.RuleProps{
		Description: jsii.String("Rollcall's sweep"),
		Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(1))),
		Targets:     &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(fns["sweeper"], &awseventstargets.LambdaFunctionProps{RetryAttempts: jsii.Number(0)})},
	})
}

func newAPI(s awscdk.Stack, fns map[string]awslambda.Function) {
	gateway := awsapigatewayv2.NewHttpApi(s, jsii.String("Api"), &awsapigatewayv2.HttpApiProps{ApiName: jsii.String("rollcall")})
	for _, name := range Names() {
		keys := api.Routes(name)
		if len(keys) == 0 {
			continue
		}
		integration := awsapigatewayv2integrations.NewHttpLambdaIntegration(jsii.String(name), fns[name], &awsapigatewayv2integrations.HttpLambdaIntegrationProps{
			PayloadFormatVersion: awsapigatewayv2.PayloadFormatVersion_VERSION_2_0(),
		})
		for _, key := range slices.Sorted(slices.Values(keys)) {
			if key == api.CatchAll {
				awsapigatewayv2.NewHttpRoute(s, jsii.String("Rest"), &awsapigatewayv2.HttpRouteProps{HttpApi: gateway, RouteKey: awsapigatewayv2.HttpRouteKey_DEFAULT(), Integration: integration})
				continue
			}
			method, path, _ := strings.Cut(key, " ")
			gateway.AddRoutes(&awsapigatewayv2.AddRoutesOptions{Path: &path, Methods: &[]awsapigatewayv2.HttpMethod{awsapigatewayv2.HttpMethod(method)}, Integration: integration})
		}
	}
	awscdk.NewCfnOutput(s, jsii.String("Url"), &awscdk.CfnOutputProps{Value: gateway.ApiEndpoint()})
}

func newAlarms(s awscdk.Stack, fns map[string]awslambda.Function, q queues) {
	for id, queue := range map[string]awssqs.Queue{"DeadLettersWaiting": q.deadLetters, "WakeupsLost": q.lostWakeups} {
		awscloudwatch.NewAlarm(s, jsii.String(id), &awscloudwatch.AlarmProps{
			Metric: queue.MetricApproximateNumberOfMessagesVisible(nil), Threshold: jsii.Number(1), EvaluationPeriods: jsii.Number(1),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
		})
	}
	awscloudwatch.NewAlarm(s, jsii.String("CountersMended"), &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String("a mailbox's counters differed from its ledger and were mended: rollcall history ID"),
		Metric: awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String(metrics.Namespace), MetricName: jsii.String(metrics.CountersMended),
			Statistic: jsii.String("Sum"),
		}),
		Threshold: jsii.Number(1), EvaluationPeriods: jsii.Number(1),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	awscloudwatch.NewAlarm(s, jsii.String("SweeperSilent"), &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String("no sweep for five minutes: idle queues have only heartbeats to drain them"),
		Metric:           fns["sweeper"].MetricInvocations(&awscloudwatch.MetricOptions{Period: awscdk.Duration_Minutes(jsii.Number(5)), Statistic: jsii.String("Sum")}),
		Threshold:        jsii.Number(1), EvaluationPeriods: jsii.Number(1),
		ComparisonOperator: awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD, TreatMissingData: awscloudwatch.TreatMissingData_BREACHING,
	})
}
