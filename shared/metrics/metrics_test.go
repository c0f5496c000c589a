package metrics_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/metrics"
)

// What CloudWatch wants: each metric and each dimension that is named is a member
// of the line. Source: CloudWatch User Guide, "Specification: Embedded metric format".
func TestALineHasWhatItNames(t *testing.T) {
	raw, err := json.Marshal(metrics.Line(time.UnixMilli(1000), "Rollcall-beta",
		map[string]any{metrics.PushFailures: 1, metrics.DeliveryAge: []int64{5, 7}}, map[string]string{metrics.Hop: "agent"}))
	if err != nil {
		t.Fatal(err)
	}
	var line struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	var members map[string]any
	if err := errors.Join(json.Unmarshal(raw, &line), json.Unmarshal(raw, &members)); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	if len(line.AWS.CloudWatchMetrics) != 1 {
		t.Fatalf("%s", raw)
	}
	set := line.AWS.CloudWatchMetrics[0]
	if set.Namespace != metrics.Namespace || line.AWS.Timestamp != 1000 {
		t.Errorf("%s", raw)
	}
	if len(set.Metrics) != 2 || len(set.Dimensions) != 2 {
		t.Errorf("%s", raw)
	}
	for _, m := range set.Metrics {
		if members[m.Name] == nil || (m.Unit == "Milliseconds") != (m.Name == metrics.DeliveryAge) {
			t.Errorf("%s in %s", m, raw)
		}
	}
	for _, dimensions := range set.Dimensions {
		for _, d := range dimensions {
			if _, text := members[d].(string); !text {
				t.Errorf("the dimension %s is not in %s", d, raw)
			}
		}
	}
}
