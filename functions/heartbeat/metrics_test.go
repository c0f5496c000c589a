package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/workspace"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// read reads one metric.
func read(t testing.TB, name, value string) (workspace.Signal, []api.Dropped) {
	t.Helper()
	var in api.HeartbeatRequest
	if err := json.Unmarshal([]byte(`{"`+name+`": `+value+`}`), &in); err != nil {
		t.Fatal(err)
	}
	return readMetrics(in, now)
}

func TestAMetricIsReadOrDropped(t *testing.T) {
	tasks := func(s workspace.Signal) any {
		if s.ActiveTasks == nil {
			return nil
		}
		return *s.ActiveTasks
	}
	rate := func(s workspace.Signal) any {
		if s.ErrorRate == nil {
			return nil
		}
		return *s.ErrorRate
	}
	sample := func(s workspace.Signal) any { return s.SampleError }
	wedged := func(s workspace.Signal) any { return s.Wedged }
	instance := func(s workspace.Signal) any { return s.Instance }
	none := workspace.Instance{}
	for _, c := range []struct {
		metric string
		of     func(workspace.Signal) any
		read   map[string]any // by value: what is read; nothing is dropped
		drop   []string
		none   any // what is read when it is dropped
	}{
		{"active_tasks", tasks, map[string]any{"0": 0, "1": 1, "1.0": 1, "1e2": 100, "100000": 100000, "-0.0": 0}, []string{
			"-1", "100001", "1.5", "1e999", "-1e999", "true", `"1"`, "[1]", "{}", "99999999999999999999",
		}, nil},
		{"is_busy", tasks, map[string]any{"true": 1, "false": 0, "null": nil}, []string{"0", "1", `"true"`, "[]", "{}"}, nil},
		{"error_rate", rate, map[string]any{"0": 0.0, "1": 1.0, "0.25": 0.25}, []string{
			"2.5", "-0.1", "1e999", "false", `"0.5"`, "[]", "{}",
		}, nil},
		{"sample_error", sample, map[string]any{`"boom"`: "boom", "null": ""}, []string{"7", "true", "[]", `{"a": 1}`}, ""},
		{"runtime_state", wedged, map[string]any{`"wedged"`: true, `"running"`: false, "null": false}, []string{
			"7", "true", "[]", `{"wedged": true}`,
		}, false},
		{"uptime_seconds", instance, map[string]any{
			"0": none, "60": workspace.BootedAt(now.Add(-time.Minute)), "60.0": workspace.BootedAt(now.Add(-time.Minute)),
		}, []string{"-1", "1e300", "1e999", "true", `"60"`, "[]", "{}", "315360000"}, none},
		{"epoch", instance, map[string]any{
			"0": none, "3": workspace.OfEpoch(3), "3.0": workspace.OfEpoch(3),
		}, []string{"-1", "2.5", "1e300", "1e999", "true", `"3"`, "[]", "{}"}, none},
	} {
		for value, want := range c.read {
			s, dropped := read(t, c.metric, value)
			if !reflect.DeepEqual(c.of(s), want) || len(dropped) > 0 || s.BadMetric != "" {
				t.Errorf("%s %s: read as %v, want %v; dropped: %v", c.metric, value, c.of(s), want, dropped)
			}
		}
		for _, value := range c.drop {
			s, dropped := read(t, c.metric, value)
			if len(dropped) != 1 || dropped[0].Metric != c.metric || !reflect.DeepEqual(c.of(s), c.none) ||
				dropped[0].Metric != c.metric || !strings.Contains(s.BadMetric, c.metric) {
				t.Errorf("%s %s: read as %v; dropped: %v; noted: %q", c.metric, value, c.of(s), dropped, s.BadMetric)
			}
		}
	}
}

// Some clients count no tasks and say that they are busy; some do both.
func TestAnAgentThatSaysThatItIsBusyIsAtWork(t *testing.T) {
	for members, want := range map[string]string{
		`"is_busy": true, "active_tasks": 0`:  "1",
		`"is_busy": true, "active_tasks": 3`:  "3",
		`"is_busy": false, "active_tasks": 3`: "3",
		`"is_busy": false, "active_tasks": 0`: "0",
		`"is_busy": true`:                     "1",
		`"is_busy": false`:                    "0",
		`"is_busy": null`:                     "nothing",
		`"is_busy": 7, "active_tasks": 2`:     "2",
		`"is_busy": true, "active_tasks": -1`: "1",
	} {
		var in api.HeartbeatRequest
		if err := json.Unmarshal([]byte(`{`+members+`}`), &in); err != nil {
			t.Fatal(err)
		}
		s, _ := readMetrics(in, now)
		got := "nothing"
		if s.ActiveTasks != nil {
			got = strconv.Itoa(*s.ActiveTasks)
		}
		if got != want {
			t.Errorf("%s: at work on %s, want %s", members, got, want)
		}
	}
}

// anyValue draws a JSON value.
func anyValue(t *rapid.T) string {
	leaf := rapid.OneOf(
		rapid.Just("null"), rapid.Just("true"), rapid.SampledFrom([]string{"1.0", "-0", "1e999", "-1e999", "1e-999"}),
		rapid.Map(rapid.Float64Range(-1e18, 1e18), jsonOf[float64]), rapid.Map(rapid.Int64(), jsonOf[int64]),
		rapid.Map(rapid.String(), jsonOf[string]),
	).Draw(t, "leaf")
	switch rapid.IntRange(0, 3).Draw(t, "shape") {
	case 0:
		return "[" + leaf + "]"
	case 1:
		return `{"a": ` + leaf + "}"
	}
	return leaf
}

func jsonOf[T any](v T) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

// Whatever a heartbeat reports, it is taken and renews the lease, and each of its
// metrics is either read or named as dropped.
func TestNoMetricKeepsAHeartbeatFromBeingTaken(t *testing.T) {
	names := []string{"active_tasks", "is_busy", "error_rate", "sample_error", "runtime_state", "uptime_seconds", "epoch"}
	rapid.Check(t, func(rt *rapid.T) {
		env := fixture.Env(t)
		body := `{"workspace_id": "` + fixture.PollID + `"`
		var sent []string
		for _, name := range names {
			if rapid.Bool().Draw(rt, name) {
				sent = append(sent, name)
				body += `, "` + name + `": ` + anyValue(rt)
			}
		}
		later := now.Add(time.Minute)
		clock := func() time.Time { return later }
		handle := httpapi.Serve(slog.New(slog.DiscardHandler), clock, env.Gate, endpoints(env)...)
		resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{
			RouteKey: api.Heartbeat.Route, Body: body + "}",
			Headers: map[string]string{"content-type": api.JSON, "authorization": "Bearer " + fixture.Credential},
		})
		var beat api.Beat
		if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal([]byte(resp.Body), &beat) != nil {
			rt.Fatalf("%s: %d %s, %v", body, resp.StatusCode, resp.Body, err)
		}
		f, err := env.Registry.Read(t.Context(), fixture.PollID)
		if err != nil || !f.LeaseUntil.Equal(later.Add(env.Registry.Policy.LeaseTTL)) {
			rt.Fatalf("%s: the lease runs until %s, %v", body, f.LeaseUntil, err)
		}
		if (len(beat.Dropped) > 0) != (f.BadMetric != "") || len(f.BadMetric) > workspace.MaxWords {
			rt.Fatalf("%s: dropped %v, on the lease: %q", body, beat.Dropped, f.BadMetric)
		}
		for _, d := range beat.Dropped {
			if !strings.Contains(strings.Join(sent, " "), d.Metric) || d.Why == "" {
				rt.Fatalf("%s: dropped %v", body, d)
			}
		}
	})
}
