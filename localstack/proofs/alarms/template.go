package alarms

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// alarm is one of the template, by its name there without the hash.
type alarm struct {
	name      string
	threshold float64
	reads     []reading
}

// reading is a metric that an alarm reads.
type reading struct {
	Namespace, MetricName, Statistic string
	Dimensions                       []dimension
}

// dimension is one of a metric. Its value is a text, or refers to a resource.
type dimension struct {
	Name  string
	Value any
}

// refersTo is the logical id that a dimension's value refers to, "" for a text.
func (d dimension) refersTo() string {
	object, _ := d.Value.(map[string]any)
	if ref, ok := object["Ref"].(string); ok {
		return ref
	}
	if path, ok := object["Fn::GetAtt"].([]any); ok && len(path) > 0 {
		id, _ := path[0].(string)
		return id
	}
	return ""
}

// aws reports whether AWS itself writes the metric, and no function of ours.
func (r reading) aws() bool { return strings.HasPrefix(r.Namespace, "AWS/") }

// metricFilter is one that makes a metric of a log.
type metricFilter struct {
	FilterPattern         string
	MetricTransformations []struct {
		MetricNamespace, MetricName string
		Dimensions                  []struct{ Key, Value string }
	}
}

// template is what is read of a synthesized one.
type template struct {
	alarms  []alarm
	filters []metricFilter
	kinds   map[string]string // types by logical id
}

func readTemplate(file string) (template, error) {
	out := template{kinds: map[string]string{}}
	raw, err := os.ReadFile(file)
	if err != nil {
		return out, err
	}
	var whole struct {
		Resources map[string]struct {
			Type       string
			Properties json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &whole); err != nil {
		return out, err
	}
	for id, r := range whole.Resources {
		out.kinds[id] = r.Type
		switch r.Type {
		case "AWS::CloudWatch::Alarm":
			a, err := readAlarm(r.Properties)
			if err != nil {
				return out, fmt.Errorf("%s: %w", id, err)
			}
			a.name = id[:len(id)-8] // the CDK puts a hash behind it
			out.alarms = append(out.alarms, a)
		case "AWS::Logs::MetricFilter":
			var f metricFilter
			if err := json.Unmarshal(r.Properties, &f); err != nil {
				return out, fmt.Errorf("%s: %w", id, err)
			}
			out.filters = append(out.filters, f)
		}
	}
	return out, nil
}

// readAlarm reads an alarm on one metric, or on an expression of several.
func readAlarm(raw json.RawMessage) (alarm, error) {
	var properties struct {
		reading
		Threshold float64
		Metrics   []struct {
			MetricStat *struct {
				Metric reading
				Stat   string
			}
		}
	}
	err := json.Unmarshal(raw, &properties)
	a := alarm{threshold: properties.Threshold}
	if properties.MetricName != "" {
		a.reads = append(a.reads, properties.reading)
	}
	for _, m := range properties.Metrics {
		if m.MetricStat != nil {
			m.MetricStat.Metric.Statistic = m.MetricStat.Stat
			a.reads = append(a.reads, m.MetricStat.Metric)
		}
	}
	if err == nil && len(a.reads) == 0 {
		err = fmt.Errorf("it reads nothing: %s", raw)
	}
	return a, err
}
