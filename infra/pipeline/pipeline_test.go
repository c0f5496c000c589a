package pipeline_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/infra/pipeline"
	"github.com/rollcall/rollcall/infra/stack"
)

type object = map[string]any

const config = `{
	"account": "111111111111", "region": "us-east-1", "repository": "example/rollcall",
	"connection_arn": "arn:aws:codeconnections:us-east-1:111111111111:connection/c",
	"stages": [
		{"name": "Beta", "account": "222222222222", "region": "us-east-1",
			"tests": ["smoke", "conformance", "probes", "alarms"]},
		{"name": "Prod", "account": "333333333333", "region": "eu-west-1", "settings": {"max_drains": 200}}
	]
}`

// assembly is the folder of the synthesized pipeline and of its stages.
func assembly(t *testing.T, local bool) string {
	t.Helper()
	functions := t.TempDir()
	for _, name := range stack.Names() {
		if err := os.MkdirAll(filepath.Join(functions, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(functions, name, "bootstrap"), []byte(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile("../../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	c, err := pipeline.Parse(config)
	if err != nil {
		t.Fatal(err)
	}
	c.Functions, c.Local = functions, local
	if local {
		c.Stages = c.Stages[len(c.Stages)-1:] // a stage takes seconds to synthesize
	}
	app := awscdk.NewApp(&awscdk.AppProps{Context: &file.Context, Outdir: jsii.String(t.TempDir())})
	if err := pipeline.New(app, c); err != nil {
		t.Fatal(err)
	}
	return *app.Synth(nil).Directory()
}

// resources are those of a template.
func resources(t *testing.T, parts ...string) map[string]object {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	var template struct{ Resources map[string]object }
	if err := json.Unmarshal(raw, &template); err != nil {
		t.Fatal(err)
	}
	return template.Resources
}

func TestPipeline(t *testing.T) {
	defer jsii.Close()
	dir := assembly(t, false)
	own := resources(t, dir, pipeline.Name+".template.json")
	checkActions(t, own)
	for id, r := range own {
		spec, _ := json.Marshal(r["Properties"])
		for _, unpinned := range []string{"aws-cdk@2 ", `aws-cdk@2\\`, "cdk-assets@latest", "aws-cdk@latest"} {
			if strings.Contains(string(spec), unpinned) {
				t.Errorf("%s installs %s", id, unpinned)
			}
		}
		if r["Type"] == "AWS::CodeBuild::Project" {
			checkBuild(t, id, r["Properties"].(object))
		}
	}
	for name, drains := range map[string]float64{"Beta": 100, "Prod": 200} {
		stageOf(t, resources(t, templateOf(t, dir, name)), name, drains)
	}
	local := assembly(t, true)
	deployed, emulated := resources(t, templateOf(t, dir, "Prod")), resources(t, templateOf(t, local, "Prod"))
	if canaries(deployed) == 0 || canaries(emulated) != 0 {
		t.Error("the canary is in each stage of a deployment, and in none of an emulator's")
	}
}

// canaries counts CodeDeploy's resources.
func canaries(own map[string]object) (n int) {
	for _, r := range own {
		if strings.HasPrefix(r["Type"].(string), "AWS::CodeDeploy::") {
			n++
		}
	}
	return n
}

// checkActions checks what the pipeline does, and in which order.
func checkActions(t *testing.T, own map[string]object) {
	t.Helper()
	var stages []string
	actions := map[string][]string{} // names of actions by stage, in the order in which they run
	for _, r := range own {
		if r["Type"] != "AWS::CodePipeline::Pipeline" {
			continue
		}
		p := r["Properties"].(object)
		if p["PipelineType"] != "V2" || p["RestartExecutionOnUpdate"] != true {
			t.Errorf("the pipeline is %v and changes itself: %v", p["PipelineType"], p["RestartExecutionOnUpdate"])
		}
		for _, s := range p["Stages"].([]any) {
			name, all := s.(object)["Name"].(string), s.(object)["Actions"].([]any)
			slices.SortStableFunc(all, func(a, b any) int {
				return int(a.(object)["RunOrder"].(float64) - b.(object)["RunOrder"].(float64))
			})
			stages = append(stages, name)
			for _, a := range all {
				actions[name] = append(actions[name], a.(object)["Name"].(string))
			}
		}
	}
	if want := "[Source Build UpdatePipeline Assets Beta Prod]"; fmt.Sprint(stages) != want {
		t.Errorf("stages %v, want %s", stages, want)
	}
	for stage, want := range map[string]string{
		"Beta": "[Rollcall.Prepare Rollcall.Deploy smoke-Beta conformance-Beta probes-Beta alarms-Beta]",
		"Prod": "[Approve Rollcall.Prepare Rollcall.Gate-Prod Rollcall.Deploy smoke-Prod]",
	} {
		if fmt.Sprint(actions[stage]) != want {
			t.Errorf("%s: %v, want %s", stage, actions[stage], want)
		}
	}
}

// checkBuild checks that a test of a stage has its credential from SSM, and not from
// the template.
func checkBuild(t *testing.T, id string, p object) {
	t.Helper()
	spec, _ := p["Source"].(object)["BuildSpec"].(string)
	_, test, proves := strings.Cut(spec, "make prove TESTS=")
	variables := fmt.Sprint(p["Environment"].(object)["EnvironmentVariables"])
	if has := strings.Contains(variables, "Name:ROLLCALL_TOKEN Type:PARAMETER_STORE Value:/rollcall/") &&
		strings.Contains(variables, "/credential"); has != proves {
		t.Errorf("%s, which runs %.20s, has the variables %s", id, test, variables)
	}
	const arm = "Name:LAMBDA_GOARCH Type:PLAINTEXT Value:arm64"
	if strings.Contains(spec, "make check") && !strings.Contains(variables, arm) {
		t.Errorf("%s builds for another machine than Lambda's: %s", id, variables)
	}
}

// What the pipeline installs is what make installs, so that a developer's cdk and the
// pipeline's read one assembly.
func TestThePipelinesProgramsAreThoseOfMake(t *testing.T) {
	setup, err := os.ReadFile("../../localstack/setup/setup.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"aws-cdk@" + pipeline.CDKVersion, "cdk-assets@" + pipeline.AssetsVersion} {
		if !strings.Contains(string(setup), "version="+program) {
			t.Errorf("setup.sh does not install %s", program)
		}
	}
}

// templateOf is the file of a stage's one template.
func templateOf(t *testing.T, dir, stage string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "assembly-"+pipeline.Name+"-"+stage, "*.template.json"))
	if err != nil || len(found) != 1 {
		t.Fatalf("stage %s has the templates %v, %v", stage, found, err)
	}
	return found[0]
}

// stageOf checks that a stage has its own settings, and its operator's digest from
// its own account.
func stageOf(t *testing.T, own map[string]object, name string, drains float64) {
	t.Helper()
	functions, versions, atOnce := 0, 0, 0.0
	for id, r := range own {
		p, _ := r["Properties"].(object)
		switch r["Type"] {
		case "AWS::Lambda::EventSourceMapping":
			// Agents that hang have a queue of their own, with fewer drains.
			atOnce = max(atOnce, p["ScalingConfig"].(object)["MaximumConcurrency"].(float64))
		case "AWS::Lambda::Version":
			// Another digest in the parameter is another version: else the alias would go on with the former one.
			versions++
			digest, _ := p["Description"].(object)
			if ref, _ := digest["Ref"].(string); !strings.HasPrefix(ref, "SsmParameterValue") {
				t.Errorf("%s of %s does not change with the digest: %v", id, name, p)
			}
		case "AWS::Lambda::Function":
			functions++
			digest, _ := p["Environment"].(object)["Variables"].(object)["ROLLCALL_OPERATOR_SHA256"].(object)
			if ref, _ := digest["Ref"].(string); !strings.HasPrefix(ref, "SsmParameterValue") {
				t.Errorf("%s of %s has the digest %v", id, name, digest)
			}
		}
	}
	if atOnce != drains {
		t.Errorf("%s runs %v drains at once, not %v", name, atOnce, drains)
	}
	if functions != len(stack.Names()) || versions != functions {
		t.Errorf("%s has %d functions and %d versions", name, functions, versions)
	}
}

func TestAConfigurationThatLacksSomethingIsRefused(t *testing.T) {
	for _, raw := range []string{
		"", "{}", `{"repository": "a/b", "connection_arn": "c", "stages": []}`,
		`{"repository": "a/b", "connection_arn": "c", "stages": [{"name": "Beta"}]}`,
		`{"repository": "a/b", "connection_arn": "c", "stage": []}`,
		`{"account": "1", "region": "r", "repository": "a/b", "connection_arn": "c", "stages": [
			{"name": "Beta", "account": "1", "region": "r", "tests": ["smok"]}]}`,
	} {
		if _, err := pipeline.Parse(raw); err == nil {
			t.Errorf("%s is taken", raw)
		}
	}
}
