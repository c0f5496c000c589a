package stack_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/infra/stack"
	"github.com/rollcall/rollcall/shared/api"
)

// What serves is the alias of each function, and CodeDeploy moves it by a tenth first.
func TestADeploymentIsACanary(t *testing.T) {
	r := synth(t, "", false)
	groups, alarms := r.of("AWS::CodeDeploy::DeploymentGroup"), r.of("AWS::CloudWatch::Alarm")
	for id, group := range groups {
		if group["DeploymentConfigName"] != "CodeDeployDefault.LambdaCanary10Percent5Minutes" {
			t.Errorf("%s moves by %v", id, group["DeploymentConfigName"])
		}
		events := fmt.Sprint(group["AutoRollbackConfiguration"].(object)["Events"])
		if !strings.Contains(events, "DEPLOYMENT_STOP_ON_ALARM") || !strings.Contains(events, "DEPLOYMENT_FAILURE") {
			t.Errorf("%s goes back after %s", id, events)
		}
		watched := group["AlarmConfiguration"].(object)
		of := watched["Alarms"].([]any)[0].(object)["Name"].(object)["Ref"].(string)
		fn, _, _ := strings.Cut(id, "canary")
		if watched["Enabled"] != true || !strings.HasPrefix(of, fn+"errors") {
			t.Errorf("%s is watched by %v", id, watched)
		}
		dimensions, err := json.Marshal(alarms[of]["Dimensions"])
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{`"ExecutedVersion"`, `[":",[{"Ref":"` + fn, `"live"`} {
			if !strings.Contains(string(dimensions), part) {
				t.Errorf("the alarm of %s has the dimensions %s without %s", fn, dimensions, part)
			}
		}
	}
	moved := 0
	for id, resource := range r {
		if resource.(object)["Type"] != "AWS::Lambda::Alias" {
			continue
		}
		policy, _ := resource.(object)["UpdatePolicy"].(object)
		if policy["CodeDeployLambdaAliasUpdate"] != nil && resource.(object)["Properties"].(object)["Name"] == "live" {
			moved++
		} else {
			t.Errorf("%s is moved at once: %v", id, policy)
		}
	}
	if n := len(stack.Names()); moved != n || len(groups) != n {
		t.Errorf("%d aliases and %d groups for %d functions", moved, len(groups), n)
	}
}

// invoked are the references to functions in what invokes them.
func invoked(t *testing.T, r resources) (out []string) {
	t.Helper()
	add := func(v any) {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(raw))
	}
	for _, p := range r.of("AWS::Lambda::EventSourceMapping") {
		add(p["FunctionName"])
	}
	for _, p := range r.of("AWS::Events::Rule") {
		add(p["Targets"])
	}
	for _, p := range r.of("AWS::ApiGatewayV2::Integration") {
		add(p["IntegrationUri"])
	}
	for _, p := range r.of("AWS::Lambda::Permission") {
		add(p["FunctionName"])
	}
	return out
}

// Nothing invokes a function past its alias; without canaries, and on a local platform,
// there is none.
func TestWhatIsInvokedIsTheAlias(t *testing.T) {
	for name, c := range map[string]struct {
		r       resources
		aliases bool
	}{
		"a deployment":     {synth(t, "", false), true},
		"without canaries": {synth(t, `{"canary": "no"}`, false), false},
		"locally":          {synth(t, "", true), false},
	} {
		calls := invoked(t, c.r)
		for _, call := range calls {
			if strings.Contains(call, "live") != c.aliases {
				t.Errorf("%s: %s is invoked", name, call)
			}
		}
		withRoutes := 0
		for _, fn := range stack.Names() {
			if len(api.Routes(fn)) > 0 {
				withRoutes++
			}
		}
		if want := 2*withRoutes + 6; len(calls) != want { // four queues, the rule and its permission
			t.Errorf("%s: %d are invoked, not %d", name, len(calls), want)
		}
		for _, kind := range []string{"AWS::CodeDeploy::Application", "AWS::Lambda::Alias", "AWS::Lambda::Version"} {
			if (len(c.r.of(kind)) > 0) != c.aliases {
				t.Errorf("%s: %d of %s", name, len(c.r.of(kind)), kind)
			}
		}
		config := c.r.one(t, "AWS::Lambda::EventInvokeConfig", "sweeper")
		if (config["Qualifier"] != "$LATEST") != c.aliases || config["MaximumRetryAttempts"] != 0.0 {
			t.Errorf("%s: a sweep is repeated: %v", name, config)
		}
	}
}
