package eventbridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/eventbridge"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

type object = map[string]any

const published = "../../docs/events/"

func readJSON(t *testing.T, file string) object {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v.(object)
}

// closeObjects refuses members that a schema does not describe.
func closeObjects(v any) {
	switch x := v.(type) {
	case object:
		if _, lists := x["properties"].(object); lists {
			x["additionalProperties"] = false
		}
		for _, inner := range x {
			closeObjects(inner)
		}
	case []any:
		for _, inner := range x {
			closeObjects(inner)
		}
	}
}

// schemaOf is a schema of docs/events that takes no more members than it describes.
func schemaOf(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	schema := readJSON(t, published+file)
	closeObjects(schema)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("http://rollcall.invalid/"+file, schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("http://rollcall.invalid/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// delivered is an event as EventBridge delivers it to a rule's target.
func delivered(t *testing.T, e entry) object {
	t.Helper()
	var detail any
	if err := json.Unmarshal([]byte(e.Detail), &detail); err != nil {
		t.Fatal(err)
	}
	return object{
		"version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": e.DetailType, "source": e.Source,
		"account": "123456789012", "time": "2026-11-24T12:00:00Z", "region": "eu-central-1", "resources": []any{},
		"detail": detail,
	}
}

// oneLog keeps the change that is recorded last, as a store does.
type oneLog struct {
	statuslog.Store // nil
	kept            statuslog.Change
}

func (*oneLog) LatestChange(context.Context) (int64, error) { return 6, nil }

func (l *oneLog) AddChanges(_ context.Context, page []statuslog.Entry) error {
	raw, err := json.Marshal(page[0].Change)
	l.kept = statuslog.Change{}
	if err == nil {
		err = json.Unmarshal(raw, &l.kept)
	}
	return err
}

// entries are events as the code puts them: changes to several verdicts, and dead messages.
func entries(t *testing.T) (changes, deaths []entry) {
	t.Helper()
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	bus, got := busThat(t, 200, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
	store := &oneLog{}
	log := &statuslog.Log{Store: store, Policy: workspace.DefaultPolicy()}
	var never, paused, back workspace.Facts
	for _, f := range []*workspace.Facts{&never, &paused, &back} {
		f.ID, f.CreatedAt = "w", at
	}
	paused.AnnouncedAs, paused.Hold = "online/healthy", workspace.Paused
	back.AnnouncedAs, back.HeartbeatAt, back.LeaseUntil = "offline/lease_expired", at, at.Add(time.Minute)
	for _, f := range []workspace.Facts{never, paused, back} {
		log.RecordCall(t.Context(), f, at)
		if _, err := bus.Announce(t.Context(), []statuslog.Change{store.kept}); err != nil {
			t.Fatal(err)
		}
		changes = append(changes, (*got)[0])
	}
	for _, m := range []chat.Message{
		{ID: "m", Workspace: "w", Seq: 7, Reason: "the agent can't take it", SettledAt: at},
		{
			ID: "m", Workspace: "w", Seq: 7, Source: "peer", Reason: "five tries failed", SettledAt: at,
			Attempts: []chat.Attempt{
				{At: at, Via: chat.ByPush, Outcome: chat.Failed, Error: "500"}, {At: at, Via: chat.ByPoll, Outcome: chat.Lost},
			},
		},
	} {
		if err := bus.AnnounceDead(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		deaths = append(deaths, (*got)[0])
	}
	return changes, deaths
}

// What the code puts on the bus is just what the schemas describe: each member that is described, and no other.
func TestTheSchemasDescribeTheEvents(t *testing.T) {
	changes, deaths := entries(t)
	for file, es := range map[string][]entry{
		"workspace-status-changed.schema.json": changes, "message-dead.schema.json": deaths,
	} {
		schema := schemaOf(t, file)
		for _, e := range es {
			event := delivered(t, e)
			if err := schema.Validate(event); err != nil {
				t.Errorf("%s: %v\n%s", file, err, e.Detail)
			}
			detail := event["detail"].(object)
			for member := range maps.Clone(detail) {
				was := detail[member]
				delete(detail, member)
				if schema.Validate(event) == nil {
					t.Errorf("%s: %s may be missing", file, member)
				}
				detail[member] = was
			}
			detail["undescribed"] = true
			if schema.Validate(event) == nil {
				t.Errorf("%s takes anything", file)
			}
		}
	}
}

// The schema of a change has each member that a change has in the API, also one that most changes lack.
func TestTheSchemaHasEachMemberOfAChange(t *testing.T) {
	detail := readJSON(t, published+"workspace-status-changed.schema.json")["properties"].(object)["detail"].(object)
	document := readJSON(t, "../../functions/status/openapi.json")["components"].(object)["schemas"].(object)
	described := detail["properties"].(object)
	for member := range document["Change"].(object)["properties"].(object) {
		if described[member] == nil {
			t.Errorf("%s is not described", member)
		}
	}
}

// The schemas know the same values as the API's document.
func TestTheSchemasHaveTheValuesOfTheDocument(t *testing.T) {
	document := readJSON(t, "../../functions/status/openapi.json")["components"].(object)["schemas"].(object)
	seen := 0
	for _, file := range []string{"workspace-status-changed.schema.json", "message-dead.schema.json"} {
		for name, def := range readJSON(t, published+file)["$defs"].(object) {
			if values, ok := def.(object)["enum"]; ok {
				seen++
				if want := document[name].(object)["enum"]; !reflect.DeepEqual(values, want) {
					t.Errorf("%s: %s is %v, want %v", file, name, values, want)
				}
			}
		}
	}
	if seen != 4 {
		t.Errorf("%d lists of values", seen)
	}
}

// The sample rule matches each event of the code.
func TestTheSampleRuleMatchesTheEvents(t *testing.T) {
	rule := readJSON(t, published+"rule.json")
	changes, deaths := entries(t)
	for _, e := range append(changes, deaths...) {
		event := delivered(t, e)
		for member, allowed := range rule {
			if !slices.Contains(allowed.([]any), event[member]) {
				t.Errorf("%s %v is not among %v", member, event[member], allowed)
			}
		}
	}
	if want := []any{eventbridge.DetailType, eventbridge.DeadDetailType}; !reflect.DeepEqual(rule["detail-type"], want) {
		t.Errorf("%v", rule)
	}
}

// A message of a user has null for its source, wherever its source always stands, and never an empty text.
func TestTheSourceOfAUserIsNull(t *testing.T) {
	_, deaths := entries(t)
	event := delivered(t, deaths[0])
	detail := event["detail"].(object)
	if source, there := detail["source_id"]; !there || source != nil {
		t.Errorf("%s", deaths[0].Detail)
	}
	detail["source_id"] = ""
	if schemaOf(t, "message-dead.schema.json").Validate(event) == nil {
		t.Error("the schema takes an empty source")
	}
}
