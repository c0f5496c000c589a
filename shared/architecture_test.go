// Package shared_test holds the tree to its one rule: arrows point inwards.
package shared_test

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/rollcall/rollcall/"

func deps(t *testing.T, pkg string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", module+pkg).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Fields(string(out))
}

func TestPurePackagesAreClosed(t *testing.T) {
	for _, pkg := range []string{"shared/workspace", "shared/chat", "shared/fault"} {
		for _, d := range deps(t, pkg) {
			if strings.Contains(d, "aws") || d == "net/http" || d == "log" || d == "log/slog" || strings.HasPrefix(d, module+"functions") {
				t.Errorf("%s imports %s", pkg, d)
			}
		}
	}
	for _, pkg := range []string{"shared/registry", "shared/delivery"} {
		for _, d := range deps(t, pkg) {
			if strings.Contains(d, "aws-sdk-go") || strings.Contains(d, "aws-lambda-go") {
				t.Errorf("%s imports %s: it belongs behind a port", pkg, d)
			}
		}
	}
}

func TestFunctionsStandAlone(t *testing.T) {
	out, err := exec.Command("go", "list", module+"functions/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	functions := strings.Fields(string(out))
	if len(functions) != 8 {
		t.Errorf("%d functions", len(functions))
	}
	for _, fn := range functions {
		for _, d := range deps(t, strings.TrimPrefix(fn, module)) {
			if strings.Contains(d, "aws-cdk-go") || strings.Contains(d, "jsii") || (strings.HasPrefix(d, module+"functions/") && d != fn) || strings.HasPrefix(d, module+"localstack") {
				t.Errorf("%s links %s", fn, d)
			}
		}
	}
}
