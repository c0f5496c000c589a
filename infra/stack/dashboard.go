package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/shared/metrics"
)

// newDashboard makes the one page that shows what Rollcall promises.
func newDashboard(s awscdk.Stack, p parts) {
	ours := func(name, statistic string) awscloudwatch.IMetric { return metric(s, name, statistic) }
	sums := func(names ...string) (out []awscloudwatch.IMetric) {
		for _, name := range names {
			out = append(out, ours(name, "Sum"))
		}
		return out
	}
	graph := func(title string, shown ...awscloudwatch.IMetric) awscloudwatch.IWidget {
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
			Title: &title, Left: &shown, Width: jsii.Number(8), Height: jsii.Number(6),
		})
	}
	page := awscloudwatch.NewDashboard(s, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{})
	page.AddWidgets(
		graph("Delivery age (ms)", ours(metrics.DeliveryAge, "p50"), ours(metrics.DeliveryAge, "p99")),
		graph("Messages ended", sums(metrics.MessagesDelivered, metrics.MessagesExpired, metrics.MessagesDead)...),
		graph("Pushes that failed, by hop", failures(s, "agent"), failures(s, "network")),
	)
	page.AddWidgets(
		graph("Credentials refused", sums(metrics.CredentialsRefused, metrics.PeopleRefused)...),
		graph("Changes of verdicts", sums(metrics.ChangesAnnounced)...),
		graph("Counters mended, faults of sweeps", sums(metrics.CountersMended, metrics.SweepErrors)...),
	)
	page.AddWidgets(
		graph("Sweep (ms)", ours(metrics.SweepDuration, "Maximum"), ours(metrics.SweepLag, "Maximum")),
		graph("Drains that failed, age of wake-ups (s)", ours(metrics.DrainsFailed, "Sum"),
			p.wakeups.MetricApproximateAgeOfOldestMessage(by("Maximum")),
			p.slowWakeups.MetricApproximateAgeOfOldestMessage(by("Maximum")),
			p.callbackWakeups.MetricApproximateAgeOfOldestMessage(by("Maximum"))),
		graph("Store throttled", p.throttled()),
	)
	page.AddWidgets(
		graph("API calls, 4xx and 5xx", p.gateway.MetricCount(by("Sum")), p.gateway.MetricClientError(by("Sum")),
			p.gateway.MetricServerError(by("Sum"))),
		graph("API latency (ms)", p.gateway.MetricLatency(by("p50")), p.gateway.MetricLatency(by("p99"))),
		graph("Functions: errors, throttles", p.sum("Errors"), p.sum("Throttles")),
	)
}

// failures are the pushes that failed at a hop.
func failures(s awscdk.Stack, hop string) awscloudwatch.IMetric {
	return metric(s, metrics.PushFailures, "Sum").With(&awscloudwatch.MetricOptions{
		Label: &hop, DimensionsMap: &map[string]*string{metrics.Stack: s.StackName(), metrics.Hop: &hop},
	})
}
