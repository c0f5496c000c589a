package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/metrics"
)

// Comparisons and what no data means, under shorter names.
const (
	atLeast     = awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD
	below       = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
	noDataIsBad = awscloudwatch.TreatMissingData_BREACHING
	noDataIsOK  = awscloudwatch.TreatMissingData_NOT_BREACHING
)

// alarm is what an operator is woken for: sums and ages, which fall again by
// themselves, and never a queue that stays full. Its section in docs/runbooks.md
// has its name.
type alarm struct {
	name, says string
	metric     awscloudwatch.IMetric
	threshold  float64
	minutes    float64 // how many periods of five minutes in a row, times five
	silence    bool    // it rises when there is too little, or nothing
}

// Runbook is the section of docs/runbooks.md that says what to do about an alarm.
func Runbook(alarm string) string { return "docs/runbooks.md#" + strings.ToLower(alarm) }

// alarmTopic is the SNS topic of the settings, nil if there is none.
func alarmTopic(s awscdk.Stack, cfg Config) awssns.ITopic {
	const id = "AlarmTopic"
	arn := cfg.Settings.AlarmTopicARN
	if arn == "" {
		return nil
	}
	if made := s.Node().TryFindChild(jsii.String(id)); made != nil {
		return made.(awssns.ITopic)
	}
	return awssns.Topic_FromTopicArn(s, jsii.String(id), &arn)
}

// newAlarms makes the alarms of what Rollcall promises.
func newAlarms(s awscdk.Stack, cfg Config, parts parts) {
	topic := alarmTopic(s, cfg)
	for _, a := range alarms(s, parts) {
		if _, computed := a.metric.(awscloudwatch.MathExpression); computed && cfg.Local {
			continue // no emulator takes an alarm on an expression
		}
		newAlarm(s, topic, a.name, a)
	}
}

// newAlarm makes an alarm that tells the topic, if there is one.
func newAlarm(s awscdk.Stack, topic awssns.ITopic, id string, a alarm) awscloudwatch.Alarm {
	when, noData := atLeast, noDataIsOK
	if a.silence {
		when, noData = below, noDataIsBad
	}
	made := awscloudwatch.NewAlarm(s, &id, &awscloudwatch.AlarmProps{
		Metric: a.metric, Threshold: &a.threshold, ComparisonOperator: when, TreatMissingData: noData,
		EvaluationPeriods: jsii.Number(max(1, a.minutes/5)),
		AlarmDescription:  jsii.String(fmt.Sprintf("%s. What to do: %s", a.says, Runbook(a.name))),
	})
	if topic != nil {
		action := awscloudwatchactions.NewSnsAction(topic)
		made.AddAlarmAction(action)
		made.AddOkAction(action)
	}
	return made
}

// alarms are all there are.
func alarms(s awscdk.Stack, p parts) []alarm {
	ours := func(name, statistic string) awscloudwatch.IMetric { return metric(s, name, statistic) }
	return []alarm{
		{
			"MessagesDead", "messages died: their agents failed them where others passed",
			ours(metrics.MessagesDead, "Sum"), 1, 5, false,
		},
		{
			"DeliverySlow", "half of all messages took longer than a minute to deliver",
			ours(metrics.DeliveryAge, "p50"), 60_000, 15, false,
		},
		{"DrainsFailed", "drains ended in a fault of the platform", ours(metrics.DrainsFailed, "Sum"), 5, 5, false},
		{
			"WakeupsOld", "wake-ups wait for a drain: drains are throttled, or each takes long",
			p.wakeups.MetricApproximateAgeOfOldestMessage(by("Maximum")), 2100, 5, false,
		},
		{"CountersMended", "a mailbox's counters differed from its ledger", ours(metrics.CountersMended, "Sum"), 1, 5, false},
		{"SweeperSilent", "no sweep ended for five minutes", p.swept(s), 1, 5, true},
		{
			"SweepBehind", "the fleet takes more than three minutes to sweep",
			ours(metrics.SweepLag, "Maximum"), 180_000, 15, false,
		},
		{"SweepErrors", "sweeps keep meeting faults", ours(metrics.SweepErrors, "Sum"), 5, 15, false},
		{
			"CredentialsRefused", "many calls come with a credential that is refused",
			ours(metrics.CredentialsRefused, "Sum"), 50, 15, false,
		},
		{
			"PeopleRefused", "somebody tries credentials of people that are none",
			ours(metrics.PeopleRefused, "Sum"), 10, 5, false,
		},
		{"ServerErrors", "the API answers 5xx", p.gateway.MetricServerError(by("Sum")), 10, 5, false},
		{"FunctionErrors", "functions crash or reach their timeout", p.sum("Errors"), 3, 5, false},
		{"FunctionThrottles", "functions are refused for want of concurrency", p.sum("Throttles"), 10, 5, false},
		{"StoreThrottled", "DynamoDB refuses reads or writes", p.throttled(), 10, 5, false},
	}
}

// by is a metric of AWS's by its statistic, over five minutes.
func by(statistic string) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Period: awscdk.Duration_Minutes(jsii.Number(5)), Statistic: &statistic}
}

// metric is one of ours, of this stack, over five minutes.
func metric(s awscdk.Stack, name, statistic string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(metrics.Namespace), MetricName: &name, Statistic: &statistic,
		Period: awscdk.Duration_Minutes(jsii.Number(5)), DimensionsMap: &map[string]*string{metrics.Stack: s.StackName()},
	})
}

// parts are what alarms and dashboard look at.
type parts struct {
	data
	queues
	functions
	gateway awsapigatewayv2.HttpApi
}

// sum is a metric of Lambda over all functions.
func (p parts) sum(name string) awscloudwatch.IMetric {
	of := map[string]awscloudwatch.IMetric{}
	for _, fn := range Names() {
		of[fn+name] = p.functions[fn].lambda.Metric(&name, by("Sum"))
	}
	return total(name, of)
}

// throttled is how often DynamoDB refused a call, over both tables.
func (p parts) throttled() awscloudwatch.IMetric {
	of := map[string]awscloudwatch.IMetric{}
	for id, table := range map[string]awsdynamodb.Table{"leases": p.leases, "chat": p.chat} {
		for _, name := range []string{"ReadThrottleEvents", "WriteThrottleEvents"} {
			of[id+name] = table.Metric(&name, by("Sum"))
		}
	}
	return total("throttled", of)
}

// swept is how many sweeps ended.
func (p parts) swept(s awscdk.Stack) awscloudwatch.IMetric {
	return total("swept", map[string]awscloudwatch.IMetric{"swept": metric(s, metrics.SweepDuration, "SampleCount")})
}

// total is the sum of metrics, by their ids in the expression. One that has no data for five minutes counts as 0: most
// are written only when there is something to count, and a sum with + has no data where one of its terms has none.
// An alarm on a single metric that falls silent rises only when all of the periods that it looks back on are empty,
// which are more than it evaluates.
// Source: Amazon CloudWatch User Guide, "Using math expressions" and "How alarms treat missing data".
func total(label string, of map[string]awscloudwatch.IMetric) awscloudwatch.IMetric {
	var terms []string
	for _, id := range slices.Sorted(maps.Keys(of)) {
		terms = append(terms, "FILL("+id+", 0)")
	}
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String("SUM([" + strings.Join(terms, ", ") + "])"), UsingMetrics: &of,
		Label: &label, Period: awscdk.Duration_Minutes(jsii.Number(5)),
	})
}

// newRefusalMetric counts the refused credentials in the API functions' logs, each
// line of which names the stack.
func newRefusalMetric(name string, logs awslogs.LogGroup) {
	if len(api.Routes(name)) == 0 {
		return
	}
	logs.AddMetricFilter(jsii.String("Refused"), &awslogs.MetricFilterOptions{
		FilterPattern:   awslogs.FilterPattern_Literal(jsii.String(`{ $.code = "credential_unknown" }`)),
		MetricNamespace: jsii.String(metrics.Namespace), MetricName: jsii.String(metrics.CredentialsRefused),
		MetricValue: jsii.String("1"), Unit: awscloudwatch.Unit_COUNT,
		Dimensions: &map[string]*string{metrics.Stack: jsii.String("$.stack")},
	})
}
