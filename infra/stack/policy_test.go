package stack_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/infra/stack"
)

// made is the stack in an app of its own.
func made(t *testing.T) (awscdk.App, awscdk.Stack) {
	t.Helper()
	dir, err := builtFunctions()
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t)
	cfg := stack.Config{
		Functions: dir, OperatorSHA256: strings.Repeat("ab", 32), Settings: stack.DefaultSettings(),
	}
	if err := stack.New(app, "Test", cfg); err != nil {
		t.Fatal(err)
	}
	return app, app.Node().FindChild(jsii.String("Test")).(awscdk.Stack)
}

func TestNagFindsNothingThatIsNotAccepted(t *testing.T) {
	app, s := made(t)
	stack.Nag(s)
	if refused := synthesized(app); refused != "" {
		report, err := os.ReadFile(filepath.Join(*app.Outdir(), "validation-report.json"))
		t.Errorf("%s\n%s %v", refused, report, err)
	}
}

func TestATableThatCouldBeLostFailsTheSynthesis(t *testing.T) {
	table := func(protected bool, kept awscdk.RemovalPolicy) *awsdynamodb.TableProps {
		return &awsdynamodb.TableProps{
			PartitionKey:       &awsdynamodb.Attribute{Name: jsii.String("id"), Type: awsdynamodb.AttributeType_STRING},
			DeletionProtection: &protected, RemovalPolicy: kept,
			PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
				PointInTimeRecoveryEnabled: jsii.Bool(true),
			},
		}
	}
	for name, c := range map[string]struct {
		props  *awsdynamodb.TableProps
		refuse bool
	}{
		"protected":                {table(true, awscdk.RemovalPolicy_RETAIN), false},
		"deletable":                {table(false, awscdk.RemovalPolicy_RETAIN), true},
		"that goes with its stack": {table(true, awscdk.RemovalPolicy_DESTROY), true},
	} {
		t.Run(name, func(t *testing.T) {
			app, s := made(t)
			awsdynamodb.NewTable(s, jsii.String("More"), c.props)
			stack.GuardTables(app)
			refused := synthesized(app)
			if (refused != "") != c.refuse {
				t.Errorf("a table %s: %q", name, refused)
			}
		})
	}
}

// synthesized is why an app can't be synthesized, "" if it can.
func synthesized(app awscdk.App) (refused string) {
	defer func() {
		if r := recover(); r != nil {
			refused = fmt.Sprint(r)
		}
	}()
	app.Synth(nil)
	return ""
}
