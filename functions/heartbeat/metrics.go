package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Bounds of the metrics.
const (
	// maxTasks bounds the active tasks.
	maxTasks = 100_000
	// maxUptime bounds what is believed of an uptime, in seconds: ten years.
	maxUptime = 10 * 365 * 24 * 3600
	// maxEpoch is the largest whole number that every JSON client can send.
	maxEpoch = 1 << 53
	// maxBadValue bounds how much of a metric that was dropped is quoted, in bytes.
	maxBadValue = 40
)

// metrics reads the metrics of one heartbeat. One that can't be read is dropped and
// noted: a heartbeat that comes with a good credential renews the lease, whatever
// it reports.
type metrics struct {
	dropped []api.Dropped
	read    []string // of those that were dropped, what the agent sent
}

// readMetrics makes a heartbeat's signal of its metrics, and lists those that were
// dropped.
func readMetrics(in api.HeartbeatRequest, now time.Time) (workspace.Signal, []api.Dropped) {
	var m metrics
	s := workspace.Signal{
		Kind: workspace.SignalHeartbeat, ActiveTasks: m.atWork(in), ErrorRate: m.rate(in.ErrorRate),
		SampleWhole: m.text("sample_error", in.SampleError),
		Wedged:      m.text("runtime_state", in.RuntimeState) == "wedged",
		Instance:    m.instance(in, now),
	}
	s.SampleError = registry.Beginning(s.SampleWhole)
	s.BadMetric = registry.Beginning(strings.Join(m.read, ", "))
	return s, m.dropped
}

// atWork is on how many tasks the agent is at work. One that says that it is busy is
// at work on one at least: some clients count no tasks.
func (m *metrics) atWork(in api.HeartbeatRequest) *int {
	tasks, busy := m.tasks(in.ActiveTasks), m.truth("is_busy", in.IsBusy)
	switch {
	case busy == nil:
	case *busy && (tasks == nil || *tasks == 0):
		tasks = new(1)
	case !*busy && tasks == nil:
		tasks = new(0)
	}
	return tasks
}

func (m *metrics) tasks(raw json.RawMessage) *int {
	n := m.number("active_tasks", raw, "must be a whole number from 0 to 100000", func(n float64) bool {
		return n >= 0 && n <= maxTasks && n == math.Trunc(n)
	})
	if n == nil {
		return nil
	}
	return new(int(*n))
}

func (m *metrics) rate(raw json.RawMessage) *float64 {
	return m.number("error_rate", raw, "must be a number from 0 to 1", func(n float64) bool { return n >= 0 && n <= 1 })
}

// instance is what tells this agent from a copy of it: the epoch, or else the
// moment of its start.
func (m *metrics) instance(in api.HeartbeatRequest, now time.Time) workspace.Instance {
	epoch := m.number("epoch", in.Epoch, "must be a whole number, as register answered", func(n float64) bool {
		return n >= 0 && n <= maxEpoch && n == math.Trunc(n)
	})
	uptime := m.number("uptime_seconds", in.Uptime, "must be a number of seconds, less than ten years",
		func(n float64) bool { return n >= 0 && n < maxUptime })
	switch {
	case epoch != nil && *epoch > 0:
		return workspace.OfEpoch(int64(*epoch))
	case uptime != nil && *uptime > 0:
		return workspace.BootedAt(now.Add(-time.Duration(*uptime * float64(time.Second))))
	}
	return workspace.Instance{}
}

// number is a metric that is a number and holds, nil when it is absent, null or
// dropped.
func (m *metrics) number(name string, raw json.RawMessage, must string, holds func(float64) bool) *float64 {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var n *float64
	if json.Unmarshal(raw, &n) != nil || !holds(*n) {
		m.drop(name, raw, must)
		return nil
	}
	return n
}

// text is a metric that is a text, "" when it is absent, null or dropped.
func (m *metrics) text(name string, raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		m.drop(name, raw, "must be a text")
		return ""
	}
	return text
}

// truth is a metric that is true or false, nil when it is absent, null or dropped.
func (m *metrics) truth(name string, raw json.RawMessage) *bool {
	if len(raw) == 0 {
		return nil
	}
	var truth *bool
	if json.Unmarshal(raw, &truth) != nil {
		m.drop(name, raw, "must be true or false")
		return nil
	}
	return truth
}

func (m *metrics) drop(name string, raw json.RawMessage, must string) {
	value := chat.Clip(string(raw), maxBadValue)
	m.read = append(m.read, name+" is "+value)
	m.dropped = append(m.dropped, api.Dropped{Metric: name, Why: fmt.Sprintf("%s %s, not %s", name, must, value)})
}
