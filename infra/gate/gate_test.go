package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestWhatHoldsSomethingIsNeitherDeletedNorReplaced(t *testing.T) {
	for _, c := range []struct {
		kind, action, replacement string
		refused                   bool
	}{
		{"AWS::DynamoDB::Table", "Add", "", false},
		{"AWS::DynamoDB::Table", "Import", "", false},
		{"AWS::DynamoDB::Table", "Modify", "False", false},
		{"AWS::DynamoDB::Table", "Modify", "True", true},
		{"AWS::DynamoDB::Table", "Modify", "Conditional", true},
		{"AWS::DynamoDB::Table", "Remove", "", true},
		{"AWS::DynamoDB::Table", "Dynamic", "", true},
		{"AWS::SQS::Queue", "Remove", "", true},
		{"AWS::SQS::Queue", "Modify", "True", true},
		{"AWS::Lambda::Function", "Modify", "True", false},
		{"AWS::Lambda::Function", "Remove", "", false},
	} {
		set := fmt.Sprintf(`{"Status": "CREATE_COMPLETE", "Changes": [{"Type": "Resource"}, {"ResourceChange": {
			"Action": %q, "ResourceType": %q, "Replacement": %q, "LogicalResourceId": "R"}}]}`, c.action, c.kind, c.replacement)
		err := check(strings.NewReader(set), io.Discard)
		if (err != nil) != c.refused || c.refused && !strings.Contains(err.Error(), c.kind+" R") {
			t.Errorf("%s %s %s: %v", c.action, c.kind, c.replacement, err)
		}
	}
}

func TestWhatCantBeReadIsRefused(t *testing.T) {
	for _, set := range []string{
		"", "{}", `{"Changes": []}`, `{"Status": "CREATE_COMPLETE", "NextToken": "more"}`, "An error occurred",
	} {
		if check(strings.NewReader(set), io.Discard) == nil {
			t.Errorf("%q is let through", set)
		}
	}
}
