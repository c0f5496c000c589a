// Command gate reads a change set before it is executed, and refuses one that
// deletes or replaces a table or a queue: what they hold would be lost, or out of
// sight. The pipeline runs it before production; so can you:
//
//	aws cloudformation describe-change-set --stack-name S --change-set-name C | gate
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// held are the types of resources that hold what nobody can make again.
var held = []string{"AWS::DynamoDB::Table", "AWS::SQS::Queue"}

// changeSet is the part of DescribeChangeSet's reply that matters.
type changeSet struct {
	Status    string
	NextToken string
	Changes   []struct{ ResourceChange change }
}

// change is what a change set does to one resource.
type change struct {
	Action       string
	ResourceType string
	LogicalID    string `json:"LogicalResourceId"`
	Replacement  string
}

func main() {
	if err := check(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gate:", err)
		os.Exit(1)
	}
}

// check reads a change set and refuses it if it must not be executed.
func check(in io.Reader, out io.Writer) error {
	var set changeSet
	if err := json.NewDecoder(in).Decode(&set); err != nil {
		return fmt.Errorf("this is no change set: %w", err)
	}
	switch {
	case set.NextToken != "":
		return errors.New("the change set has more pages than were read")
	case set.Status == "":
		return errors.New("this is no change set: it has no Status")
	}
	var refused []string
	for _, c := range set.Changes {
		if r := c.ResourceChange; r.loses() {
			refused = append(refused, fmt.Sprintf("%s of %s %s (replacement: %q)",
				r.Action, r.ResourceType, r.LogicalID, r.Replacement))
		}
	}
	if len(refused) > 0 {
		return fmt.Errorf("the change set would lose what is stored:\n  %s", strings.Join(refused, "\n  "))
	}
	_, err := fmt.Fprintf(out, "gate: none of %d changes deletes or replaces a table or a queue\n", len(set.Changes))
	return err
}

// loses reports whether a change deletes or replaces what holds something. A
// replacement that is only possible ("Conditional") is one.
func (c change) loses() bool {
	if !slices.Contains(held, c.ResourceType) || c.Action == "Add" || c.Action == "Import" {
		return false
	}
	return c.Action != "Modify" || c.Replacement != "False"
}
