package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// schemas are the named schemas of the document.
type schemas map[string]*schema

// bodies are what calls send whose schema requires no member, by route: nothing would tell what such a call is for.
var bodies = map[string]string{
	"POST /registry/heartbeat":  `{"workspace_id":"` + sampleID + `","active_tasks":0}`,
	"POST /workspaces/{id}/a2a": sampleMail,
	"POST /enrolments":          `{"uses":20,"expires_in_seconds":86400}`,
	"POST /workspaces":          `{"id":"` + sampleID + `","name":"reviewer"}`,
}

// queries are the queries of calls that mean something else without, by route.
var queries = map[string]string{"GET /workspaces/{id}/activity": "?type=a2a_receive&limit=20"}

// The texts of examples that no schema gives.
const (
	sampleID      = "11111111-1111-4111-8111-111111111111"
	sampleMessage = "22222222-2222-4222-8222-222222222222"
	sampleTime    = "2026-01-31T12:00:00Z"
	sampleMail    = `{"jsonrpc":"2.0","id":"1","method":"message/send","params":{"message":` +
		`{"role":"user","messageId":"` + sampleMessage + `","parts":[{"kind":"text","text":"hello"}]}}}`
)

// samples are values by the name of a member or parameter, for those whose schema allows them: a name says more than
// a type.
var samples = map[string]any{
	"id": sampleID, "workspace_id": sampleID, "target_id": sampleID, "source_id": sampleID,
	"message_id": sampleMessage, "queue_id": sampleMessage, "messageId": sampleMessage, "delegation_id": sampleMessage,
	"enrolment_id": "k3x9p2m4", "token_id": "k3x9p2m4", "name": "reviewer", "text": "hello", "message": "It is done.",
	"task": "Review it.", "url": "https://agent.example.com/a2a", "method": "message/send", "activity_type": "a2a_send",
	"auth_token": "rcw_…", "token": "rcp_…", "enrolment_token": "rce_…", "webhook_secret": "whsec_…",
	"reason": "healthy", "workspace_reason": "healthy", "hint": "", "action": "", "error": "", "last_error": "",
	"next_heartbeat_seconds": 30, "acked_seq": 7, "seq": 7, "last_acked_seq": 7,
}

// curl is a call of an operation, with what it must have, as one types it in a shell.
func (all schemas) curl(op *operation) string {
	path := op.Path
	for _, p := range op.Parameters {
		if p.In == "path" {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", fmt.Sprint(all.named(p.Name, p.Schema)))
		}
	}
	lines := []string{"curl -X " + op.Method + ` "$ROLLCALL_URL` + path + queries[op.Method+" "+op.Path] + `"`}
	if who(op) != anyone {
		lines = append(lines, `-H "Authorization: Bearer $ROLLCALL_TOKEN"`)
	}
	if body := all.body(op); body != "" {
		lines = append(lines, "-H 'Content-Type: application/json'", "-d '"+strings.ReplaceAll(body, "'", `'\''`)+"'")
	}
	return strings.Join(lines, " \\\n  ")
}

// body is the smallest body that says something: what the schema requires. "": the call has none.
func (all schemas) body(op *operation) string {
	media, ok := op.RequestBody.Content["application/json"]
	if !ok {
		return ""
	}
	if body := bodies[op.Method+" "+op.Path]; body != "" {
		return body
	}
	s := all.resolve(media.Schema)
	members := map[string]any{}
	for _, name := range s.Required {
		members[name] = all.named(name, s.Properties[name])
	}
	raw, _ := json.Marshal(members) // what sample returns
	return string(raw)
}

// answers are the bodies of answers whose members depend on the case, by route.
var answers = map[string]string{
	"POST /registry/register": `{"status":"registered","delivery_mode":"push",` +
		`"delivery_reason":"its URL can be pushed to","auth_token":"rcw_…","webhook_secret":"whsec_…","epoch":1,` +
		`"inbox":{"queued":0,"in_flight":0,"oldest_age_seconds":0},"next_heartbeat_seconds":30,"workspace_status":"online"}`,
	"GET /workspaces/{id}/activity": `[{"id":"` + sampleMessage + `","workspace_id":"` + sampleID + `",` +
		`"activity_type":"a2a_receive","source_id":null,"target_id":"` + sampleID + `","method":"message/send",` +
		`"summary":"hello","duration_ms":null,"status":"ok","error_detail":null,"created_at":"` + sampleTime + `",` +
		`"request_body":` + sampleMail + `,"seq":7}]`,
	"POST /workspaces/{id}/a2a": `{"status":"queued","delivery_mode":"push","method":"message/send",` +
		`"queue_id":"` + sampleMessage + `","message_id":"` + sampleMessage + `","state":"queued",` +
		`"queue_depth":1,"oldest_age_seconds":0,"message":"accepted",` +
		`"expected":"now","workspace_status":"online","workspace_reason":"healthy"}`,
}

// answer is a success of an operation and its body in JSON, with the members that it always has. "": it has none.
func (all schemas) answer(op *operation) (status, body string) {
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		if media, ok := op.Responses[status].Content["application/json"]; ok && status < "300" {
			raw, _ := json.Marshal(all.sample(media.Schema)) // what sample returns
			return status, cmp.Or(answers[op.Method+" "+op.Path], string(raw))
		}
	}
	return "", ""
}

// example is an answer as the page shows it.
func (all schemas) example(op *operation) string {
	status, body := all.answer(op)
	if status == "" {
		return ""
	}
	var lines bytes.Buffer
	_ = json.Indent(&lines, []byte(body), "", "  ") // it is JSON
	return "HTTP " + status + "\n" + lines.String()
}

// resolve follows a reference to the schema that it names.
func (all schemas) resolve(s *schema) *schema {
	for s != nil && s.Ref != "" {
		s = all[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	if s == nil {
		return &schema{}
	}
	return s
}

// named is a value for a member or parameter of that name.
func (all schemas) named(name string, s *schema) any {
	value, known := samples[name]
	resolved := all.resolve(s)
	kind := resolved.kind()
	switch value.(type) {
	case string:
		known = kind == "string"
	case int:
		known = kind == "integer"
	}
	if known && (len(resolved.Enum) == 0 || slices.Contains(resolved.Enum, value)) {
		return value
	}
	return all.sample(s)
}

// sample is a value that the schema allows. An object has the members that it must have.
func (all schemas) sample(s *schema) any {
	s = all.resolve(s)
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.AnyOf) > 0:
		return all.sample(s.AnyOf[0])
	}
	switch s.kind() {
	case "object":
		members := map[string]any{}
		for name, member := range s.Properties {
			if s.Requires(name) {
				members[name] = all.named(name, member)
			}
		}
		return members
	case "array":
		return []any{all.sample(s.Items)}
	case "integer", "number":
		return max(1, s.Minimum)
	case "boolean":
		return false
	case "null":
		return nil
	case "string":
		return s.text()
	}
	return map[string]any{}
}

// kind is the type of which a sample is: the first that says something.
func (s *schema) kind() string {
	types := s.types()
	if types[0] == "null" {
		return types[len(types)-1]
	}
	return types[0]
}

// text is a text that a schema of texts allows.
func (s *schema) text() string {
	if s.Format == "date-time" {
		return sampleTime
	}
	return "…"
}
