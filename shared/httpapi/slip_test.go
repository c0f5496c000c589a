package httpapi

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/proof/slip"
)

// bodied are the operations whose body the general reader reads.
func bodied() []*api.Operation {
	return slices.DeleteFunc(api.Operations(), func(o *api.Operation) bool {
		return !o.HasBody() || o.Body != nil || len(membersOf(reflect.TypeOf(o.Request))) == 0
	})
}

// hintFor is the hint of an operation for a body with one member.
func hintFor(t *rapid.T, o *api.Operation, name string) string {
	members := membersOf(reflect.TypeOf(o.Request))
	body, err := json.Marshal(map[string]int{name: 7})
	if err != nil {
		t.Fatal(err)
	}
	left, _ := unread(body, members, knownOf(o, members))
	return left.IgnoredHint
}

// Each member of each call is hinted when it is written in haste.
func TestEachMisspeltMemberIsHinted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.SampledFrom(bodied()).Draw(t, "operation")
		members := membersOf(reflect.TypeOf(o.Request))
		name := rapid.SampledFrom(members).Draw(t, "member").name
		slip := slip.Of(t, name)
		if slices.ContainsFunc(members, func(m member) bool { return strings.EqualFold(m.name, slip) }) {
			t.Skip("it is read, in any case")
		}
		hint := hintFor(t, o, slip)
		if !strings.Contains(hint, ": did you mean "+name+"?") && !strings.Contains(hint, " or "+name+"?") &&
			!strings.Contains(hint, ": did you mean "+name+" or ") {
			t.Fatalf("%s: %s for %s: %q", o.Route, slip, name, hint)
		}
	})
}

// A name that has no word of a member's, and is far from each, is hinted as none.
func TestAStrangeNameIsHintedAsNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.SampledFrom(bodied()).Draw(t, "operation")
		name := rapid.StringMatching(`[jkqvxz]{4,12}(_[jkqvxz]{4,8})?`).Draw(t, "name")
		if hint := hintFor(t, o, name); strings.Contains(hint, "did you mean") {
			t.Fatalf("%s: %s: %q", o.Route, name, hint)
		}
	})
}

// Names that mean what a member means are hinted as it, those of another call by that call, and what stands in an
// agent card and belongs beside it by its place. What a card has of its own is not.
func TestWhatIsWrittenForAMemberIsHinted(t *testing.T) {
	for _, c := range []struct {
		o          *api.Operation
		body, want string
	}{
		{api.Register.Operation, `{"id":"a","ulr":"x"}`, "ulr: did you mean url?"},
		{api.Register.Operation, `{"id":"a","uri":"x"}`, "uri: did you mean url?"},
		{api.Register.Operation, `{"id":"a","endpoint":"x"}`, "endpoint: did you mean url?"},
		{api.Register.Operation, `{"id":"a","address":"x"}`, "address: did you mean url?"},
		{api.Register.Operation, `{"id":"a","agent_url":"x"}`, "agent_url: did you mean url?"},
		{api.Register.Operation, `{"id":"a","url":"u","endpoint":"x"}`, ""},
		{api.Register.Operation, `{"workspaceid":"a"}`, "workspaceid: did you mean id?"},
		{api.Register.Operation, `{"id":"a","agent":"x"}`, ""},
		{api.Register.Operation, `{"id":"a","card":{}}`, "card: did you mean agent_card?"},
		{api.Register.Operation, `{"id":"a","name":"x"}`, "name: did you mean agent_card.name?"},
		{api.Register.Operation, `{"id":"a","name":"x","agent_card":{"name":"y"}}`, "name: POST /workspaces reads it."},
		{api.Register.Operation, `{"id":"a","max_concurrent_task":2}`, "max_concurrent_task: did you mean " +
			"max_concurrent_tasks, which POST /workspaces reads?"},
		{api.Register.Operation, `{"id":"a","team":"x"}`, "team: POST /workspaces reads it."},
		{api.Register.Operation, `{"id":"a","agent_card":{"url":"x"}}`, "agent_card.url: did you mean url?"},
		{api.Register.Operation, `{"id":"a","agent_card":{"delivery_mode":"poll"}}`, "agent_card.delivery_mode: did you " +
			"mean delivery_mode?"},
		{api.Register.Operation, `{"id":"a","url":"","agent_card":{"url":"x"}}`, ""},
		{api.Register.Operation, `{"id":"a","delivery_mode":"poll","agent_card":{"url":"x","skills":[]}}`, ""},
		{api.Ack.Operation, `{"ack_seq":3}`, "ack_seq: did you mean acked_seq?"},
		{api.Notify.Operation, `{"text":"x"}`, "text: did you mean message?"},
		{api.Notify.Operation, `{"msg":"x"}`, "msg: did you mean message?"},
		{api.Notify.Operation, `{"message":"x","content":"y"}`, ""},
		{api.Heartbeat.Operation, `{"id":"a","current_task":"x","agent_card":{},"runtime_metadata":{}}`, ""},
		{api.CreateEnrolment.Operation, `{"ttl":60}`, "ttl: did you mean expires_in_seconds?"},
	} {
		members := membersOf(reflect.TypeOf(c.o.Request))
		left, _ := unread([]byte(c.body), members, knownOf(c.o, members))
		if left.IgnoredHint != c.want {
			t.Errorf("%s %s: %q, want %q", c.o.Route, c.body, left.IgnoredHint, c.want)
		}
	}
}
