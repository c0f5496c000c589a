package alarms

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/metrics"
)

// A line has a metric only with its namespace, name and exactly the alarm's dimensions.
func TestALineHasOnlyWhatCloudWatchWouldFind(t *testing.T) {
	raw, err := json.Marshal(metrics.Line(time.UnixMilli(1), "Rollcall",
		map[string]any{metrics.DeliveryAge: []int{5, 7}, metrics.MessagesDead: 2}, nil))
	if err != nil {
		t.Fatal(err)
	}
	line, err := readLine(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	of := func(namespace, name string, d ...dimension) reading {
		return reading{Namespace: namespace, MetricName: name, Dimensions: d}
	}
	ours := dimension{metrics.Stack, "Rollcall"}
	for _, c := range []struct {
		m    reading
		want int
	}{
		{of(metrics.Namespace, metrics.DeliveryAge, ours), 2},
		{of(metrics.Namespace, metrics.MessagesDead, ours), 1},
		{of(metrics.Namespace, metrics.MessagesExpired, ours), 0},
		{of("Other", metrics.MessagesDead, ours), 0},
		{of(metrics.Namespace, metrics.MessagesDead), 0},
		{of(metrics.Namespace, metrics.MessagesDead, dimension{metrics.Stack, "Rollcall-beta"}), 0},
		{of(metrics.Namespace, metrics.MessagesDead, ours, dimension{metrics.Hop, "agent"}), 0},
	} {
		if got, ok := line.has(c.m); len(got) != c.want || ok != (c.want > 0) {
			t.Errorf("%+v: %v, %t", c.m, got, ok)
		}
	}
}

func TestAFilterMakesAMetricOfItsLinesAlone(t *testing.T) {
	var f metricFilter
	err := json.Unmarshal([]byte(`{"FilterPattern": "{ $.code = \"credential_unknown\" }", "MetricTransformations": [
		{"MetricNamespace": "Rollcall", "MetricName": "CredentialsRefused",
			"Dimensions": [{"Key": "Stack", "Value": "$.stack"}]}
	]}`), &f)
	if err != nil {
		t.Fatal(err)
	}
	m := reading{Namespace: "Rollcall", MetricName: "CredentialsRefused", Dimensions: []dimension{{"Stack", "Rollcall"}}}
	for text, want := range map[string]bool{
		`{"code": "credential_unknown", "stack": "Rollcall"}`:      true,
		`{"code": "credential_unknown", "stack": "Rollcall-beta"}`: false,
		`{"code": "credential_unknown"}`:                           false,
		`{"code": "not_found", "stack": "Rollcall"}`:               false,
	} {
		line, err := readLine(text)
		if err != nil || line.filtered(f, m) != want {
			t.Errorf("%s: %t, %v", text, !want, err)
		}
	}
}
