package alarms

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
)

// logLine is what CloudWatch reads of one line of a function's log.
type logLine struct {
	members map[string]any
	sets    []metricSet
}

// metricSet is one directive of the embedded metric format.
type metricSet struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []struct{ Name string }
}

// count counts the log lines that there are, by function.
func (r *run) count(ctx context.Context) (map[string]int, error) {
	all, err := emulator.Logs(ctx, r.Emulator.Endpoint)
	counts := map[string]int{}
	for _, l := range all {
		counts[l.Function]++
	}
	return counts, err
}

// lines are the log lines of all functions, after those that were there at the mark.
func (r *run) lines(ctx context.Context) ([]logLine, error) {
	all, err := emulator.Logs(ctx, r.Emulator.Endpoint)
	if err != nil {
		return nil, err
	}
	var out []logLine
	seen := map[string]int{}
	for _, l := range all {
		if seen[l.Function]++; seen[l.Function] <= r.mark[l.Function] {
			continue
		}
		line, err := readLine(l.Message)
		if err != nil {
			continue // a line of the emulator's
		}
		out = append(out, line)
	}
	return out, nil
}

// readLine reads one line, which is a JSON object.
func readLine(text string) (logLine, error) {
	var l logLine
	if err := json.Unmarshal([]byte(text), &l.members); err != nil {
		return l, err
	}
	var read struct {
		AWS struct{ CloudWatchMetrics []metricSet } `json:"_aws"`
	}
	err := json.Unmarshal([]byte(text), &read)
	l.sets = read.AWS.CloudWatchMetrics
	return l, err
}

// has reports whether CloudWatch would find the metric in the line, with exactly the
// dimensions that the alarm reads, and returns its values.
func (l logLine) has(m reading) (values []float64, ok bool) {
	for _, set := range l.sets {
		named := slices.ContainsFunc(set.Metrics, func(one struct{ Name string }) bool { return one.Name == m.MetricName })
		if set.Namespace != m.Namespace || !named || !slices.ContainsFunc(set.Dimensions, func(names []string) bool {
			return l.dimensioned(names, m.Dimensions)
		}) {
			continue
		}
		switch v := l.members[m.MetricName].(type) {
		case float64:
			return []float64{v}, true
		case []any:
			for _, one := range v {
				if number, isNumber := one.(float64); isNumber {
					values = append(values, number)
				}
			}
			return values, len(values) > 0
		}
	}
	return nil, false
}

// dimensioned reports whether the line's dimensions of those names are those of a metric.
func (l logLine) dimensioned(names []string, dimensions []dimension) bool {
	if len(names) != len(dimensions) {
		return false
	}
	for _, d := range dimensions {
		if !slices.Contains(names, d.Name) || l.members[d.Name] != d.Value {
			return false
		}
	}
	return true
}

// filtered reports whether a metric filter makes the metric of the line. The pattern of
// each filter here is { $.MEMBER = "TEXT" }.
func (l logLine) filtered(f metricFilter, m reading) bool {
	member, text, ok := strings.Cut(strings.Trim(f.FilterPattern, "{ }"), " = ")
	if !ok || l.members[strings.TrimPrefix(member, "$.")] != strings.Trim(text, `"`) {
		return false
	}
	for _, t := range f.MetricTransformations {
		if t.MetricNamespace != m.Namespace || t.MetricName != m.MetricName || len(t.Dimensions) != len(m.Dimensions) {
			continue
		}
		if d := t.Dimensions[0]; d.Key == m.Dimensions[0].Name &&
			l.members[strings.TrimPrefix(d.Value, "$.")] == m.Dimensions[0].Value {
			return true
		}
	}
	return false
}

// written reports whether the functions wrote the metric since the mark, and with a value
// that makes the alarm rise: for a sum any that counts, for others one beyond its bound.
func (r *run) written(ctx context.Context, a alarm, m reading) error {
	lines, err := r.lines(ctx)
	if err != nil {
		return err
	}
	bound := a.threshold
	if m.Statistic == "Sum" || m.Statistic == "SampleCount" {
		bound = 0
	}
	for _, l := range lines {
		if values, ok := l.has(m); ok && (m.Statistic == "SampleCount" || slices.Max(values) > bound) {
			return nil
		}
		for _, f := range r.template.filters {
			if l.filtered(f, m) {
				return nil
			}
		}
	}
	return fmt.Errorf("none of %d log lines has %s/%s of %v beyond %v",
		len(lines), m.Namespace, m.MetricName, m.Dimensions, bound)
}
