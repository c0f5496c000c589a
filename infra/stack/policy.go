package stack

import (
	"encoding/json"
	"errors"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// GuardTables fails the synthesis of an app where a table could be lost: by one
// call, with its stack, or without a way back in time. Every app that deploys to an
// account has it.
func GuardTables(app constructs.IConstruct) { awscdk.Validations_Of(app).AddPlugins(&tableGuard{}) }

// tableGuard is a policy plug-in of the CDK. It reads the templates, which are what
// is deployed.
type tableGuard struct{}

var _ awscdk.IPolicyValidationPlugin = (*tableGuard)(nil)

// tableSafe is the name of its one rule.
const tableSafe = "table-safe"

// Name implements awscdk.IPolicyValidationPlugin.
func (*tableGuard) Name() *string { return jsii.String("rollcall") }

// Version implements awscdk.IPolicyValidationPlugin.
func (*tableGuard) Version() *string { return jsii.String("1") }

// RuleIds implements awscdk.IPolicyValidationPlugin.
func (*tableGuard) RuleIds() *[]*string { //nolint:revive // the CDK names it so
	return jsii.Strings(tableSafe)
}

// Validate implements awscdk.IPolicyValidationPlugin.
func (*tableGuard) Validate(context awscdk.IPolicyValidationContext) *awscdk.PolicyValidationPluginReport {
	violations := []*awscdk.PolicyViolation{}
	for _, s := range *context.StackTemplates() {
		unsafe, err := unprotected(*s.TemplatePath)
		if err != nil {
			unsafe = append(unsafe, "the template can't be read: "+err.Error())
		}
		for _, id := range unsafe {
			violations = append(violations, &awscdk.PolicyViolation{
				RuleName:    jsii.String(tableSafe),
				Description: jsii.String("a table of a deployed stage is protected: " + id),
				Fix:         jsii.String("set deletion protection, point-in-time recovery and RemovalPolicy RETAIN"),
				ViolatingResources: &[]*awscdk.PolicyViolatingResource{{
					ResourceLogicalId: &id, TemplatePath: s.TemplatePath, Locations: &[]*string{},
				}},
			})
		}
	}
	return &awscdk.PolicyValidationPluginReport{Success: jsii.Bool(len(violations) == 0), Violations: &violations}
}

// unprotected are the tables of a template that could be lost.
func unprotected(file string) (out []string, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var template struct {
		Resources map[string]struct {
			Type                                string
			DeletionPolicy, UpdateReplacePolicy string
			Properties                          struct {
				DeletionProtectionEnabled        bool
				PointInTimeRecoverySpecification struct{ PointInTimeRecoveryEnabled bool }
			}
		}
	}
	if err := json.Unmarshal(raw, &template); err != nil {
		// Other resources have members of these names with other types: only tables count.
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
			return nil, err
		}
	}
	for id, r := range template.Resources {
		safe := r.DeletionPolicy == "Retain" && r.UpdateReplacePolicy == "Retain" &&
			r.Properties.DeletionProtectionEnabled && r.Properties.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled
		if r.Type == "AWS::DynamoDB::Table" && !safe {
			out = append(out, id)
		}
	}
	return out, nil
}
