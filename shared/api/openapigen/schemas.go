package main

import (
	"reflect"
	"slices"
	"strings"

	"github.com/swaggest/jsonschema-go"
	"github.com/swaggest/openapi-go"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// namedSchemas are the schemas that a field's schema tag may name beside those of
// types.
var namedSchemas = map[string]jsonschema.Schema{
	"WorkspaceID": func() jsonschema.Schema {
		s := typed(jsonschema.String)
		s.WithDescription("1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or a digit: the " +
			"one that the workspace was created with, or first registered with").
			WithPattern("^[A-Za-z0-9][A-Za-z0-9._-]*$").WithMaxLength(64).WithExamples("11111111-1111-4111-8111-111111111111")
		return s
	}(),
	"MessageID": func() jsonschema.Schema {
		s := typed(jsonschema.String)
		s.WithDescription("What a sender calls its message: 1 to 128 letters, digits, '.', '_', ':' or '-', beginning with " +
			"a letter or a digit. Ids that begin with '_' are the platform's own.").
			WithPattern("^[A-Za-z0-9][A-Za-z0-9._:-]*$").WithMaxLength(128)
		return s
	}(),
	"AgentAnswer": func() jsonschema.Schema {
		s := typed(jsonschema.Object)
		s.WithDescription("The agent's answer as it came, with all that it wrote: mostly a JSON-RPC response. Of one of "+
			"more than 64 KiB its size, its task's state and the beginning of its text are kept.").
			WithPropertiesItem("jsonrpc", anything("mostly 2.0")).
			WithPropertiesItem("id", anything("the call's id")).
			WithPropertiesItem("result", anything("an A2A message or task: its words are in result.parts, or in result.status "+
				"and result.artifacts")).
			WithAdditionalProperties(*new(jsonschema.SchemaOrBool).WithTypeBoolean(true))
		return s
	}(),
	"AgentCard": func() jsonschema.Schema {
		s := typed(jsonschema.Object)
		s.WithDescription("An A2A agent card: any object, whose name, if any, is a text.").
			WithPropertiesItem("name", jsonschema.String.ToSchemaOrBool()).
			WithAdditionalProperties(*new(jsonschema.SchemaOrBool).WithTypeBoolean(true))
		return s
	}(),
	"Attachments": func() jsonschema.Schema {
		s := typed(jsonschema.Array)
		s.WithDescription("Files, each in the agent's words.").WithItems(*new(jsonschema.Items).
			WithSchemaOrBool(jsonschema.Object.ToSchemaOrBool()))
		return s
	}(),
	"JSONRPCID": typed(jsonschema.String, jsonschema.Number, jsonschema.Null),
}

// enums are the schemas of the domain's types.
var enums = map[reflect.Type]struct {
	name   string
	schema jsonschema.Schema
}{
	reflect.TypeFor[workspace.Status](): {"Status", enum("", workspace.StatusOnline, workspace.StatusDegraded,
		workspace.StatusOffline, workspace.StatusUnknown, workspace.StatusProvisioning, workspace.StatusPaused,
		workspace.StatusRemoved)},
	reflect.TypeFor[workspace.Reason](): {"Reason", enum("the code of why", workspace.ReasonRemoved,
		workspace.ReasonPaused, workspace.ReasonCredentialsRejected, workspace.ReasonNeverRegistered,
		workspace.ReasonPlatformSuspect, workspace.ReasonLeaseExpired, workspace.ReasonDuplicateHost,
		workspace.ReasonRuntimeWedged, workspace.ReasonInboxUnattended, workspace.ReasonPushFailing,
		workspace.ReasonBacklogStalled, workspace.ReasonAnswersFailing, workspace.ReasonRestartLoop,
		workspace.ReasonInboxFull,
		workspace.ReasonErrorRate, workspace.ReasonBusy, workspace.ReasonHealthy)},
	reflect.TypeFor[workspace.Mode](): {"Mode", enum(`"": not declared`,
		workspace.Push, workspace.Poll, workspace.Undeclared)},
	reflect.TypeFor[workspace.Expectation](): {"Expectation", enum("What will happen to a message. retrying: deliveries "+
		"fail, and it is tried until it expires.", workspace.ExpectNow, workspace.ExpectNextPoll,
		workspace.ExpectWhenIdle, workspace.ExpectRetrying, workspace.ExpectNobody)},
	reflect.TypeFor[workspace.Problem](): {"OperatorsProblem", enum("Whether the verdict is a problem for an operator. "+
		"refused: calls are refused in its name, and none was accepted yet. platform: the platform may be what is wrong. "+
		"silent: its agent has been silent for more than three days.", workspace.ProblemOwn, workspace.ProblemRefused,
		workspace.ProblemPlatform, workspace.ProblemSilent)},
	reflect.TypeFor[workspace.Hop](): {"Hop", enum("A link of the chain that a message passes.", workspace.HopNone,
		workspace.HopAgent, workspace.HopCredential, workspace.HopNetwork, workspace.HopQueue, workspace.HopPlatform,
		workspace.HopOperator)},
	reflect.TypeFor[chat.State](): {"MessageState", enum("", chat.Queued, chat.InFlight, chat.Delivered, chat.Expired,
		chat.Cancelled, chat.Dead)},
	reflect.TypeFor[chat.ToldState](): {"CallbackState", enum("given_up: the URL did not confirm it in all tries.",
		chat.ToldPending, chat.ToldConfirmed, chat.ToldGivenUp)},
	reflect.TypeFor[chat.Via](): {"Via", enum("The path a message took to its agent.", chat.ByPush, chat.ByPoll)},
	reflect.TypeFor[chat.Outcome](): {"Outcome", enum("How an attempt ended.", chat.Pending, chat.Succeeded,
		chat.TaskFailed, chat.AgentBusy, chat.Failed, chat.Unreachable, chat.FailedAlone, chat.HostGone,
		chat.Refused, chat.Lost, chat.Superseded)},
	reflect.TypeFor[chat.TaskState](): {"TaskState", enum("The state of the task that an agent answered with, in the "+
		"words of A2A 0.3.", chat.TaskSubmitted, chat.TaskWorking, chat.TaskInputRequired, chat.TaskCompleted,
		chat.TaskFailing, chat.TaskRejected, chat.TaskCanceled, chat.TaskAuthRequired)},
	reflect.TypeFor[fault.Action](): {"Action", enum("What to do after an error, in one word. Treat one that you "+
		"do not know like stop.", fault.ActionAdopt, fault.ActionDropCursor, fault.ActionEnrol, fault.ActionForce,
		fault.ActionLogin, fault.ActionRegister, fault.ActionRepair, fault.ActionRetry, fault.ActionStop,
		fault.ActionWait)},
	reflect.TypeFor[chat.Priority](): {"Priority", func() jsonschema.Schema {
		s := typed(jsonschema.Integer)
		s.WithDescription("higher is delivered first").WithEnum(int(chat.Critical), int(chat.Task), int(chat.Info))
		return s
	}()},
}

// anything is what may be of any type: an agent wrote it.
func anything(description string) jsonschema.SchemaOrBool {
	var s jsonschema.Schema
	s.WithDescription(description)
	return s.ToSchemaOrBool()
}

func typed(types ...jsonschema.SimpleType) jsonschema.Schema {
	var s jsonschema.Schema
	for _, t := range types {
		s.AddType(t)
	}
	return s
}

// enum is the schema of a text that is one of some.
func enum[T ~string](description string, values ...T) jsonschema.Schema {
	s := typed(jsonschema.String)
	for _, v := range values {
		s.Enum = append(s.Enum, string(v))
	}
	if description != "" {
		s.WithDescription(description)
	}
	return s
}

// options are how types become schemas.
var options = []func(*jsonschema.ReflectContext){
	func(rc *jsonschema.ReflectContext) { rc.EnvelopNullability = true },
	jsonschema.InterceptDefName(func(t reflect.Type, _ string) string {
		if e, ok := enums[t]; ok {
			return e.name
		}
		return t.Name()
	}),
	jsonschema.InterceptSchema(domainTypes),
	jsonschema.InterceptProp(alwaysThere),
	jsonschema.InterceptProp(sharedSchemas),
	jsonschema.InterceptProp(namedTypes),
	jsonschema.InterceptProp(nullOrNot),
	jsonschema.InterceptProp(neverNull),
	jsonschema.InterceptProp(boundTexts),
	jsonschema.InterceptNullability(noNullLists),
}

// domainTypes gives the domain's types their schemas.
func domainTypes(p jsonschema.InterceptSchemaParams) (stop bool, err error) {
	t := p.Value.Type()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if e, ok := enums[t]; ok {
		*p.Schema = e.schema
		return true, nil
	}
	if t == reflect.TypeFor[api.Document]() {
		*p.Schema = typed(jsonschema.Object)
		p.Schema.WithDescription("An OpenAPI 3.1 document.").
			WithAdditionalProperties(*new(jsonschema.SchemaOrBool).WithTypeBoolean(true))
		return true, nil
	}
	return false, nil
}

// alwaysThere makes a reply's members required, but those that it may omit.
func alwaysThere(p jsonschema.InterceptPropParams) error {
	oc, ok := openapi.OperationCtx(p.Context)
	if p.Processed || (ok && !oc.IsProcessingResponse()) {
		return nil
	}
	_, flags, _ := strings.Cut(p.Field.Tag.Get("json"), ",")
	if !strings.Contains(flags, "omitempty") && !strings.Contains(flags, "omitzero") {
		p.ParentSchema.Required = append(p.ParentSchema.Required, p.Name)
	}
	return nil
}

// sharedSchemas puts the schema that a field's tag names in its place.
func sharedSchemas(p jsonschema.InterceptPropParams) error {
	name, ok := p.Field.Tag.Lookup("schema")
	if !p.Processed || !ok {
		return nil
	}
	ref := schemasPrefix + name
	named := &jsonschema.Schema{Ref: &ref}
	if p.Field.Tag.Get("nullable") == "true" {
		named = &jsonschema.Schema{AnyOf: []jsonschema.SchemaOrBool{named.ToSchemaOrBool(), jsonschema.Null.ToSchemaOrBool()}}
	}
	named.Description = p.PropertySchema.Description
	*p.PropertySchema = *named
	return nil
}

// namedTypes gives a member that is read as it came the type that its tag names, or null.
func namedTypes(p jsonschema.InterceptPropParams) error {
	if name, ok := p.Field.Tag.Lookup("is"); ok && p.Processed {
		p.PropertySchema.AddType(jsonschema.SimpleType(name))
		p.PropertySchema.AddType(jsonschema.Null)
	}
	return nil
}

// nullOrNot leaves a member that may be null to its alternatives: a type beside them
// would rule the null out again.
func nullOrNot(p jsonschema.InterceptPropParams) error {
	if !p.Processed {
		return nil
	}
	isNull := func(s jsonschema.SchemaOrBool) bool {
		return s.TypeObject != nil && s.TypeObject.HasType(jsonschema.Null)
	}
	if slices.ContainsFunc(p.PropertySchema.AnyOf, isNull) {
		p.PropertySchema.Type = nil
	}
	return nil
}

// neverNull takes the null from a member that a request must have, unless its tag says that it may be null.
func neverNull(p jsonschema.InterceptPropParams) error {
	if p.Processed && p.Field.Tag.Get("required") == "true" && p.Field.Tag.Get("nullable") != "true" {
		p.PropertySchema.RemoveType(jsonschema.Null)
	}
	return nil
}

// boundTexts gives each text of a request the bound that it has where its tags say none, as httpapi enforces it.
func boundTexts(p jsonschema.InterceptPropParams) error {
	oc, ok := openapi.OperationCtx(p.Context)
	if !p.Processed || !ok || oc.IsProcessingResponse() || p.Field.Type.Kind() != reflect.String {
		return nil
	}
	s := p.PropertySchema
	if !readByHandlers[p.Field.Tag] && s.Ref == nil && s.AnyOf == nil && s.Enum == nil && s.MaxLength == nil {
		s.WithMaxLength(api.MaxText)
	}
	return nil
}

// noNullLists takes the null from lists: a reply's list may be empty, and is
// always a list.
func noNullLists(p jsonschema.InterceptNullabilityParams) {
	if p.NullAdded && p.Type.Kind() == reflect.Slice && p.Schema.HasType(jsonschema.Array) {
		p.Schema.RemoveType(jsonschema.Null)
	}
}
