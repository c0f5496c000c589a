// Package rights refuses what AWS would: a call of a function that its role, as
// the synthesized stack has it, does not allow. The emulators ask nobody's rights,
// so a right that is missing would be found in an account only.
package rights

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/rollcall/rollcall/localstack/platform/deploy"
	"github.com/rollcall/rollcall/localstack/platform/wire"
)

// Guard is the wire.Layer; it lets everything pass until Enforce.
type Guard struct {
	rights atomic.Pointer[rights]
}

// grant is one statement: actions, on what a resource's pattern matches.
type grant struct {
	actions  []string
	resource string
}

type rights struct {
	grants map[string][]grant // by the function's name
	names  map[string]string  // a table's or queue's logical id, by its physical name
}

// Enforce takes the rights of a deployment's roles.
func (g *Guard) Enforce(d *deploy.Deployment) error {
	r := rights{grants: map[string][]grant{}, names: map[string]string{}}
	for logical, physical := range d.Physical {
		r.names[path.Base(physical)] = logical
	}
	roles := map[string]string{} // a role's logical id to its function's name
	for _, res := range d.Template.Resources {
		if name, ok := res.Properties["FunctionName"].(string); ok && res.Type == "AWS::Lambda::Function" {
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

func statements(document any) (out []grant, err error) {
	doc, _ := document.(map[string]any)
	for _, s := range list(doc["Statement"]) {
		statement, _ := s.(map[string]any)
		if statement["Effect"] != "Allow" || statement["Condition"] != nil {
			return nil, fmt.Errorf("a statement of a kind not known here: %v", statement)
		}
		var actions []string
		for _, a := range list(statement["Action"]) {
			actions = append(actions, evaluate(a))
		}
		for _, resource := range list(statement["Resource"]) {
			out = append(out, grant{actions, evaluate(resource)})
		}
	}
	return out, nil
}

// list is what CloudFormation gives as one or as several.
func list(v any) []any {
	if all, ok := v.([]any); ok {
		return all
	}
	return []any{v}
}

// evaluate is an ARN in short: a resource of the stack by its logical id, whatever
// attribute of it is meant, and pseudo parameters left out.
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

// allow tells whether a function may do what a need says.
func (r *rights) allow(function string, n need) bool {
	return slices.ContainsFunc(r.grants[function], func(g grant) bool {
		if !slices.Contains(g.actions, n.action) {
			return false
		}
		matched, err := path.Match(g.resource, n.resource)
		return g.resource == "*" || (err == nil && matched) || (strings.HasSuffix(g.resource, "*") && strings.HasPrefix(n.resource, strings.TrimSuffix(g.resource, "*")))
	})
}

// need is one right that a call asks for.
type need struct{ action, resource string }

// Layer is the wire.Layer.
func (g *Guard) Layer(_ context.Context, c wire.Call, next func(wire.Call) wire.Answer) wire.Answer {
	r := g.rights.Load()
	if r == nil || c.Function == "" {
		return next(c)
	}
	needs, err := r.needs(c)
	if err != nil {
		return wire.Fault(http.StatusBadRequest, "AccessDeniedException", fmt.Sprintf("%s of %s: %v", c.Name(), c.Function, err))
	}
	for _, n := range needs {
		if !r.allow(c.Function, n) {
			return wire.Fault(http.StatusBadRequest, "AccessDeniedException", fmt.Sprintf("the role of %s does not allow %s on %s", c.Function, n.action, n.resource))
		}
	}
	return next(c)
}

// needs are the rights that a call asks for (Service Authorization Reference,
// "Actions, resources, and condition keys" of DynamoDB, SQS and EventBridge).
func (r *rights) needs(c wire.Call) ([]need, error) {
	type table struct{ TableName, IndexName string }
	var in struct {
		table
		TransactItems []map[string]table
		RequestItems  map[string]any
		QueueUrl      string
		QueueName     string
		Entries       []struct{ EventBusName string }
	}
	if err := json.Unmarshal(c.Body, &in); err != nil {
		return nil, err
	}
	switch c.Service {
	case "DynamoDB":
		var out []need
		add := func(action string, t table) {
			resource := r.names[t.TableName]
			if t.IndexName != "" {
				resource += "/index/" + t.IndexName
			}
			out = append(out, need{"dynamodb:" + action, resource})
		}
		switch c.Operation {
		case "TransactWriteItems":
			for _, item := range in.TransactItems {
				for kind, t := range item {
					add(map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}[kind], t)
				}
			}
		case "BatchGetItem":
			for name := range in.RequestItems {
				add(c.Operation, table{TableName: name})
			}
		default:
			add(c.Operation, in.table)
		}
		return out, nil
	case "AmazonSQS":
		action := "sqs:" + strings.TrimSuffix(c.Operation, "Batch")
		if c.Operation == "ListQueues" {
			return []need{{action, ""}}, nil
		}
		name := in.QueueName
		if name == "" {
			name = path.Base(in.QueueUrl)
		}
		if logical := r.names[name]; logical != "" {
			return []need{{action, logical}}, nil
		}
		return []need{{action, "arn::sqs:::" + name}}, nil
	case "AWSEvents":
		bus := in.Entries[0].EventBusName
		if bus == "" {
			bus = "default"
		}
		return []need{{"events:" + c.Operation, "arn::events:::event-bus/" + bus}}, nil
	}
	return nil, fmt.Errorf("a service that no function is known to call")
}
