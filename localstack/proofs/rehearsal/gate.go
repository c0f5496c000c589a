package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
)

type object = map[string]any

// tryGate has the gate read change sets of the deployed production stack: one that loses
// nothing, and one for each way to lose a table or a queue.
func (r *rehearsal) tryGate(ctx context.Context) error {
	fmt.Fprintln(r.out, "the gate, on change sets of production that the emulator made")
	last := stages[len(stages)-1].name
	gate, err := r.line.build("Gate-" + last)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(r.output, "assembly-"+pipelineName+"-"+last, "*.template.json"))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("templates of %s: %v, %w", last, files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what    string
		change  func(template string) (string, error)
		refused string // what the gate says; "": nothing
	}{
		{"another description of a function: let through", setting("AWS::Lambda::Function", "Description", "another"), ""},
		{
			"a table under another key: refused", setting("AWS::DynamoDB::Table", "TableName", "another"),
			"Modify of AWS::DynamoDB::Table",
		},
		{"a table under another logical id: refused", renaming("AWS::DynamoDB::Table"), "Remove of AWS::DynamoDB::Table"},
		{
			"a queue under another name: refused", setting("AWS::SQS::Queue", "QueueName", "another.fifo"),
			"Modify of AWS::SQS::Queue",
		},
		{"a queue under another logical id: refused", renaming("AWS::SQS::Queue"), "Remove of AWS::SQS::Queue"},
	} {
		changed, err := c.change(string(raw))
		if err != nil {
			return err
		}
		if err := r.changeSet(ctx, last+"-Rollcall", changed); err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		err = r.build(ctx, gate)
		switch {
		case c.refused == "" && err != nil:
			return fmt.Errorf("%s: %w", c.what, err)
		case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
			return fmt.Errorf("%s: the gate says %v", c.what, err)
		}
		fmt.Fprintln(r.out, "  ok   ", c.what)
	}
	return nil
}

// changeSet makes the change set of a stack that the pipeline's action makes.
func (r *rehearsal) changeSet(ctx context.Context, stack, template string) error {
	name := aws.String("PipelineChange")
	stacks := r.stacks()
	// A template of this size comes from S3; the CDK's bootstrap has a bucket for it.
	file, bucket := r.dirs.State("rehearsal", "changed.json"), "cdk-hnb659fds-assets-"+account+"-"+emulator.Region
	if err := os.WriteFile(file, []byte(template), 0o600); err != nil {
		return err
	}
	if _, err := r.aws(ctx, "s3", "cp", "--quiet", file, "s3://"+bucket+"/changed.json"); err != nil {
		return err
	}
	url := "https://s3." + emulator.Region + ".amazonaws.com/" + bucket + "/changed.json"
	_, err := stacks.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{StackName: &stack, ChangeSetName: name})
	if err != nil {
		return err
	}
	_, err = stacks.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName: &stack, ChangeSetName: name, TemplateURL: &url,
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam, types.CapabilityCapabilityAutoExpand},
	})
	if err != nil {
		return err
	}
	return cloudformation.NewChangeSetCreateCompleteWaiter(stacks).Wait(ctx, &cloudformation.DescribeChangeSetInput{
		StackName: &stack, ChangeSetName: name,
	}, time.Minute)
}

// setting sets a property of the first resource of a type.
func setting(kind, property, value string) func(string) (string, error) {
	return func(template string) (string, error) {
		var whole object
		if err := json.Unmarshal([]byte(template), &whole); err != nil {
			return "", err
		}
		id, err := first(whole, kind)
		if err != nil {
			return "", err
		}
		whole["Resources"].(object)[id].(object)["Properties"].(object)[property] = value
		raw, err := json.Marshal(whole)
		return string(raw), err
	}
}

// renaming gives the first resource of a type another logical id, wherever it is named.
func renaming(kind string) func(string) (string, error) {
	return func(template string) (string, error) {
		var whole object
		if err := json.Unmarshal([]byte(template), &whole); err != nil {
			return "", err
		}
		id, err := first(whole, kind)
		return strings.ReplaceAll(template, `"`+id+`"`, `"Other`+id+`"`), err
	}
}

// first is the logical id of the first resource of a type, in the order of their ids.
func first(template object, kind string) (string, error) {
	var ids []string
	resources, _ := template["Resources"].(object)
	for id, r := range resources {
		if r.(object)["Type"] == kind {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return "", fmt.Errorf("the template has no %s", kind)
	}
	return slices.Min(ids), nil
}
