// Package rights refuses what AWS would refuse: a call that the role of the calling
// function, as the synthesized stack has it, does not allow. The emulators check no
// rights, so that a missing right would only be found in an account.
package rights

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rollcall/rollcall/localstack/platform/deploy"
	"github.com/rollcall/rollcall/localstack/platform/wire"
)

// Guard checks the functions' calls. It allows everything until Enforce.
type Guard struct {
	rights atomic.Pointer[rights]
	mu     sync.Mutex
	denied []string
}

// Denied are the calls that were refused, each once. A call beside an answer, whose fault is for the log only, is seen
// nowhere else.
func (g *Guard) Denied() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.denied)
}

// deny refuses a call.
func (g *Guard) deny(format string, args ...any) wire.Answer {
	why := fmt.Sprintf(format, args...)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Contains(g.denied, why) {
		g.denied = append(g.denied, why)
	}
	return wire.Fault(http.StatusBadRequest, "AccessDeniedException", why)
}

// grant allows actions on the resources that a pattern matches. With a source it allows
// events of that source only.
type grant struct {
	actions  []string
	resource string
	source   string
}

type rights struct {
	grants  map[string][]grant // by the function's name
	logical map[string]string  // a table's or queue's logical id, by its physical name
}

// Enforce enforces the rights of a deployment's roles.
func (g *Guard) Enforce(d *deploy.Deployment) error {
	r := rights{grants: map[string][]grant{}, logical: map[string]string{}}
	for logical, physical := range d.Physical {
		r.logical[path.Base(physical)] = logical
	}
	roles := map[string]string{} // the function's name, by its role's logical id
	for _, res := range d.Template.Resources {
		if name := res.Function(); name != "" {
			roles[evaluate(res.Properties["Role"])] = name
			r.grants[name] = nil
		}
	}
	for id, res := range d.Template.Resources {
		if res.Type != "AWS::IAM::Policy" {
			continue
		}
		grants, err := statements(res.Properties["PolicyDocument"])
		if err != nil {
			return fmt.Errorf("rights: %s: %w", id, err)
		}
		for _, role := range list(res.Properties["Roles"]) {
			if name := roles[evaluate(role)]; name != "" {
				r.grants[name] = append(r.grants[name], grants...)
			}
		}
	}
	g.rights.Store(&r)
	return nil
}

// statements reads the grants of a policy document.
func statements(document any) (out []grant, err error) {
	doc, _ := document.(map[string]any)
	for _, s := range list(doc["Statement"]) {
		statement, _ := s.(map[string]any)
		source, err := condition(statement["Condition"])
		if statement["Effect"] != "Allow" || err != nil {
			return nil, fmt.Errorf("a statement of an unknown kind: %v", statement)
		}
		var actions []string
		for _, a := range list(statement["Action"]) {
			actions = append(actions, evaluate(a))
		}
		for _, resource := range list(statement["Resource"]) {
			out = append(out, grant{actions, evaluate(resource), source})
		}
	}
	return out, nil
}

// condition is the source of events that a statement's condition wants, "" for none. It is
// the one condition that the roles have.
func condition(v any) (source string, err error) {
	if v == nil {
		return "", nil
	}
	all, _ := v.(map[string]any)
	equals, _ := all["StringEquals"].(map[string]any)
	source, _ = equals["events:source"].(string)
	if len(all) != 1 || len(equals) != 1 || source == "" {
		err = errors.New("an unknown condition")
	}
	return source, err
}

// list is a value that CloudFormation writes as one or as several.
func list(v any) []any {
	if all, ok := v.([]any); ok {
		return all
	}
	return []any{v}
}

// evaluate shortens an ARN: a resource of the stack becomes its logical id, whatever
// attribute of it is named, and pseudo parameters become empty.
func evaluate(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case map[string]any:
		if ref, ok := x["Ref"].(string); ok && !strings.HasPrefix(ref, "AWS::") {
			return ref
		}
		if att, ok := x["Fn::GetAtt"].([]any); ok {
			return evaluate(att[0])
		}
		if join, ok := x["Fn::Join"].([]any); ok && len(join) == 2 {
			var parts []string
			for _, part := range list(join[1]) {
				parts = append(parts, evaluate(part))
			}
			return strings.Join(parts, evaluate(join[0]))
		}
	}
	return ""
}

// allow reports whether a function has a right.
func (r *rights) allow(function string, need right) bool {
	return slices.ContainsFunc(r.grants[function], func(g grant) bool {
		if !slices.Contains(g.actions, need.action) || g.source != "" && g.source != need.source {
			return false
		}
		if prefix, ok := strings.CutSuffix(g.resource, "*"); ok && strings.HasPrefix(need.resource, prefix) {
			return true
		}
		matched, err := path.Match(g.resource, need.resource)
		return err == nil && matched
	})
}

// right is one action on one resource, and for an event its source.
type right struct{ action, resource, source string }

// Layer is the wire.Layer that refuses a call without its rights.
func (g *Guard) Layer(_ context.Context, c wire.Call, next wire.Forward) wire.Answer {
	r := g.rights.Load()
	if r == nil || c.Function == "" {
		return next(c)
	}
	needs, err := r.needs(c)
	if err != nil {
		return g.deny("%s of %s: %v", c.Name(), c.Function, err)
	}
	for _, need := range needs {
		if !r.allow(c.Function, need) {
			return g.deny("the role of %s does not allow %s on %s", c.Function, need.action, need.resource)
		}
	}
	return next(c)
}

type table struct{ TableName, IndexName string }

// input is the part of a call's body that names what it acts on.
type input struct {
	table
	TransactItems []map[string]table
	RequestItems  map[string]any
	QueueURL      string `json:"QueueUrl"`
	QueueName     string
	Entries       []struct{ EventBusName, Source string }
}

// transactActions are the actions of a transaction's items.
var transactActions = map[string]string{
	"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem",
}

// needs are the rights that a call requires (Service Authorization Reference,
// "Actions, resources, and condition keys" of DynamoDB, SQS and EventBridge).
func (r *rights) needs(c wire.Call) ([]right, error) {
	var in input
	if err := json.Unmarshal(c.Body, &in); err != nil {
		return nil, err
	}
	switch c.Service {
	case "DynamoDB":
		return r.tableRights(c.Operation, in), nil
	case "AmazonSQS":
		return r.queueRights(c.Operation, in), nil
	case "AWSEvents":
		var needs []right
		for _, e := range in.Entries {
			bus := "arn::events:::event-bus/" + cmp.Or(e.EventBusName, "default")
			needs = append(needs, right{"events:" + c.Operation, bus, e.Source})
		}
		return needs, nil
	}
	return nil, errors.New("a service that no function is known to call")
}

func (r *rights) tableRights(operation string, in input) (needs []right) {
	add := func(action string, t table) {
		resource := r.logical[t.TableName]
		if t.IndexName != "" {
			resource += "/index/" + t.IndexName
		}
		needs = append(needs, right{action: "dynamodb:" + action, resource: resource})
	}
	switch operation {
	case "TransactWriteItems":
		for _, item := range in.TransactItems {
			for kind, t := range item {
				add(transactActions[kind], t)
			}
		}
	case "BatchGetItem":
		for name := range in.RequestItems {
			add(operation, table{TableName: name})
		}
	default:
		add(operation, in.table)
	}
	return needs
}

func (r *rights) queueRights(operation string, in input) []right {
	action := "sqs:" + strings.TrimSuffix(operation, "Batch")
	if operation == "ListQueues" {
		return []right{{action: action}}
	}
	name := in.QueueName
	if name == "" {
		name = path.Base(in.QueueURL)
	}
	if logical := r.logical[name]; logical != "" {
		return []right{{action: action, resource: logical}}
	}
	return []right{{action: action, resource: "arn::sqs:::" + name}}
}
