package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/shared/metrics"
)

// Comparisons and what no data means, under shorter names.
const (
	atLeast     = awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD
	below       = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
	noDataIsBad = awscloudwatch.TreatMissingData_BREACHING
	noDataIsOK  = awscloudwatch.TreatMissingData_NOT_BREACHING
)

// newAlarms makes what an operator is woken for. docs/operate.md says what to do
// about each.
func newAlarms(s awscdk.Stack, fns map[string]awslambda.Function, q queues) {
	alarm := func(id, description string, metric awscloudwatch.IMetric,
		when awscloudwatch.ComparisonOperator, noData awscloudwatch.TreatMissingData,
	) {
		props := awscloudwatch.AlarmProps{
			Metric: metric, Threshold: jsii.Number(1), EvaluationPeriods: jsii.Number(1),
			ComparisonOperator: when, TreatMissingData: noData,
		}
		if description != "" {
			props.AlarmDescription = &description
		}
		awscloudwatch.NewAlarm(s, &id, &props)
	}
	alarm("DeadLettersWaiting", "", q.deadLetters.MetricApproximateNumberOfMessagesVisible(nil), atLeast, noDataIsOK)
	alarm("WakeupsLost", "", q.lostWakeups.MetricApproximateNumberOfMessagesVisible(nil), atLeast, noDataIsOK)
	alarm("CountersMended", "a mailbox's counters differed from its ledger and were mended: rollcall history ID",
		awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String(metrics.Namespace), MetricName: jsii.String(metrics.CountersMended),
			Statistic: jsii.String("Sum"),
		}), atLeast, noDataIsOK)
	alarm("SweeperSilent", "no sweep for five minutes: idle queues have only heartbeats to drain them",
		fns["sweeper"].MetricInvocations(&awscloudwatch.MetricOptions{
			Period: awscdk.Duration_Minutes(jsii.Number(5)), Statistic: jsii.String("Sum"),
		}), below, noDataIsBad)
}
