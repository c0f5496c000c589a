package stack_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/infra/stack"
	"github.com/rollcall/rollcall/shared/metrics"
)

const topic = "arn:aws:sns:us-east-1:111111111111:oncall"

// Each alarm says what to do, in a section that exists, and tells who is to know.
func TestAlarms(t *testing.T) {
	raw, err := os.ReadFile("../../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			sections[strings.TrimSpace(title)] = true
		}
	}
	told := map[string]bool{}
	alarms := synth(t, `{"alarm_topic_arn": "`+topic+`"}`, false).of("AWS::CloudWatch::Alarm")
	for id, a := range alarms {
		name := id[:len(id)-8] // CDK puts a hash behind it
		if strings.HasSuffix(name, "errors") {
			name = "Canary" // one for each function
		}
		if !sections[name] {
			t.Errorf("%s has no section in docs/runbooks.md", name)
		}
		told[name] = true
		if says, _ := a["AlarmDescription"].(string); !strings.HasSuffix(says, " What to do: "+stack.Runbook(name)) {
			t.Errorf("%s: %q does not lead to its runbook", name, says)
		}
		if fmt.Sprint(a["AlarmActions"], a["OKActions"]) != "["+topic+"] ["+topic+"]" {
			t.Errorf("%s tells %v", name, a["AlarmActions"])
		}
	}
	if len(alarms) < 13 || len(sections) > len(told) {
		t.Errorf("%d alarms; of the sections %v only %v have one", len(alarms), sections, told)
	}
	for id, a := range synth(t, "", true).of("AWS::CloudWatch::Alarm") {
		if a["AlarmActions"] != nil {
			t.Errorf("a local %s tells %v", id, a["AlarmActions"])
		}
	}
}

// What the functions write is what alarms and dashboard look at, of this stack.
func TestEveryMetricIsShown(t *testing.T) {
	r := synth(t, "", false)
	raw, err := json.Marshal(r.one(t, "AWS::CloudWatch::Dashboard", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		metrics.DeliveryAge, metrics.MessagesDelivered, metrics.MessagesDead, metrics.MessagesExpired, metrics.PushFailures,
		metrics.DrainsFailed, metrics.ChangesAnnounced, metrics.SweepDuration, metrics.SweepLag, metrics.SweepErrors,
		metrics.CountersMended, metrics.CredentialsRefused, metrics.PeopleRefused,
	} {
		if !strings.Contains(string(raw), `\"`+metrics.Namespace+`\",\"`+name+`\",`) {
			t.Errorf("%s is not on the dashboard", name)
		}
	}
	for id, a := range r.of("AWS::CloudWatch::Alarm") {
		if a["Namespace"] == metrics.Namespace && !strings.Contains(fmt.Sprint(a["Dimensions"]), "Value:Test") {
			t.Errorf("%s is of all stacks in the account: %v", id, a["Dimensions"])
		}
	}
	for name, f := range r.functions() {
		if f["Environment"].(object)["Variables"].(object)["ROLLCALL_STACK"] != "Test" {
			t.Errorf("%s does not know its stack", name)
		}
	}
}

// What an alarm computes counts a metric without data as 0. A function that nobody called for five minutes must not
// hide the crashes of another, and a sweeper that is silent is silent at once.
func TestAnAlarmsSumHasNoGaps(t *testing.T) {
	computed := map[string]bool{}
	for id, a := range synth(t, "", false).of("AWS::CloudWatch::Alarm") {
		queries, _ := a["Metrics"].([]any)
		var expression string
		var ids []string
		for _, q := range queries {
			if text, is := q.(object)["Expression"].(string); is {
				expression = text
			} else {
				ids = append(ids, q.(object)["Id"].(string))
			}
		}
		if expression == "" {
			continue
		}
		computed[id[:len(id)-8]] = true
		for _, metric := range ids {
			if !strings.Contains(expression, "FILL("+metric+", 0)") {
				t.Errorf("%s: %s has a gap where there is no %s", id, expression, metric)
			}
		}
	}
	for _, name := range []string{"FunctionErrors", "FunctionThrottles", "StoreThrottled", "SweeperSilent"} {
		if !computed[name] {
			t.Errorf("%s does not fill its gaps", name)
		}
	}
}

func TestTracingIsASetting(t *testing.T) {
	for settings, want := range map[string]any{"": nil, `{"tracing": "yes"}`: object{"Mode": "Active"}} {
		for name, f := range synth(t, settings, false).functions() {
			if fmt.Sprint(f["TracingConfig"]) != fmt.Sprint(want) {
				t.Errorf("%s with %s: %v", name, settings, f["TracingConfig"])
			}
			variable, traced := f["Environment"].(object)["Variables"].(object)["ROLLCALL_TRACING"]
			if traced != (want != nil) || traced && variable != "true" {
				t.Errorf("%s with %s is told %v", name, settings, variable)
			}
		}
	}
}
