package weeks

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// caller is who makes a call: the root, a person, an agent of any life, or nobody.
type caller struct {
	bearer, from string
	agent        *agent
	person       *person
	root         bool
}

func (m *machine) anyCaller(t *rapid.T) caller {
	kinds := []string{"root", "root", "agent", "agent", "agent", "person", "nobody"}
	switch rapid.SampledFrom(kinds).Draw(t, "caller") {
	case "agent":
		a := m.anyAgent(t)
		return caller{bearer: a.token, from: a.from, agent: a}
	case "person":
		if len(m.persons) == 0 {
			t.Skip("there is no person")
		}
		p := m.persons[rapid.IntRange(0, len(m.persons)-1).Draw(t, "person")]
		return caller{bearer: p.text, from: "192.0.2.7", person: &p}
	case "nobody":
		return caller{from: "192.0.2.66"}
	}
	return caller{bearer: root, from: by.From, root: true}
}

// call is a call of an operation.
type call struct {
	op  *api.Operation
	who caller
	id  string // in its path or body; "": it is about no workspace
	old string // what of former answers it brings; "": it is as a first call is
	ev  events.APIGatewayV2HTTPRequest
}

// unplayed are operations that say nothing of what was, or that steps of their own play.
var unplayed = []string{api.CatchAll, api.GetConsoleFile.Route}

// anyCall makes a call of an operation of the function, with what was given by answers at any former time, and holds
// the answer to the description of the API and to who calls and what is there.
func (m *machine) anyCall(t *rapid.T) {
	routes := slices.DeleteFunc(slices.Clone(m.routes), func(r string) bool { return slices.Contains(unplayed, r) })
	if len(routes) == 0 {
		t.Skip("no calls are played")
	}
	route := rapid.SampledFrom(routes).Draw(t, "route")
	c := call{who: m.anyCaller(t)}
	for _, o := range api.Operations() {
		if o.Route == route {
			c.op = o
		}
	}
	m.compose(t, &c)
	stood := m.standing(c)
	m.finish(c, stood, m.make(c))
}

// make makes a call, whose answer is as the API is described.
func (m *machine) make(c call) events.APIGatewayV2HTTPResponse {
	resp, err := m.serve(m.ctx, c.ev)
	m.must(c.op.Route, err)
	if resp.StatusCode >= http.StatusInternalServerError {
		m.t.Fatalf("%s: %d %s", m.words(c), resp.StatusCode, resp.Body)
	}
	if err := m.doc.CheckReply(c.op.Route, resp.StatusCode, resp.Headers["content-type"], []byte(resp.Body)); err != nil {
		m.t.Fatalf("%s: %d %s: not as described: %v", m.words(c), resp.StatusCode, resp.Body, err)
	}
	return resp
}

// words is a call in words.
func (m *machine) words(c call) string {
	who := "nobody"
	switch {
	case c.who.root:
		who = "the root"
	case c.who.agent != nil:
		who = c.who.agent.String()
	case c.who.person != nil:
		who = fmt.Sprintf("a person (%s) until %s", c.who.person.scope, c.who.person.ends)
	}
	return fmt.Sprintf("at %s, %s by %s, %v %v %s", m.clock.Now(), c.op.Route, who, c.ev.PathParameters,
		c.ev.QueryStringParameters, c.ev.Body)
}

// compose fills in a call.
func (m *machine) compose(t *rapid.T, c *call) {
	s := m.anySpace(t)
	// An agent that registers elsewhere too, where anyone may, would have two lives.
	itself := c.op.Route == api.Register.Route
	if c.who.agent != nil && (rapid.IntRange(0, 4).Draw(t, "about itself") > 0 || itself) {
		s = c.who.agent.life.space
	}
	c.ev = events.APIGatewayV2HTTPRequest{
		RouteKey: c.op.Route, Headers: map[string]string{"content-type": api.JSON}, PathParameters: map[string]string{},
		QueryStringParameters: map[string]string{},
	}
	c.ev.RequestContext.HTTP.SourceIP = c.who.from
	if c.who.bearer != "" {
		c.ev.Headers["authorization"] = "Bearer " + c.who.bearer
	}
	old := func(name string, from []string, otherwise string) string {
		if len(from) > 0 && rapid.Bool().Draw(t, name+" of a former answer") {
			c.old += name + " "
			return rapid.SampledFrom(from).Draw(t, name)
		}
		return otherwise
	}
	for _, p := range []struct {
		name string
		from []string
	}{
		{"message_id", m.past.messages},
		{"delegation_id", m.past.delegations},
		{"enrolment_id", m.past.enrolments},
		{"webhook_id", m.past.hooks},
		{"token_id", m.past.tokens},
	} {
		if strings.Contains(c.op.Route, "{"+p.name+"}") {
			c.old += p.name + " "
			c.ev.PathParameters[p.name] = old(p.name, p.from, "none")
		}
	}
	if strings.Contains(c.op.Route, "{id}") {
		c.id, c.ev.PathParameters["id"] = s.id, s.id
	}
	m.query(t, c, old)
	if c.op.HasBody() {
		c.id = s.id
		c.ev.Body = m.body(t, c, s, old)
	}
	if c.op.IsTagged() {
		if tag := old("tag", m.past.tags, ""); tag != "" {
			c.ev.Headers["if-none-match"] = tag
		}
	}
}

// query fills in what stands behind the path.
func (m *machine) query(t *rapid.T, c *call, old func(string, []string, string) string) {
	set := func(name, value string) {
		if value != "" {
			c.ev.QueryStringParameters[name] = value
		}
	}
	switch c.op.Route {
	case api.GetEvents.Route:
		if len(m.past.numbers) > 0 && rapid.Bool().Draw(t, "since") {
			c.old += "since "
			set("since", strconv.FormatInt(rapid.SampledFrom(m.past.numbers).Draw(t, "number"), 10))
		}
		set("wait", rapid.SampledFrom([]string{"", "20"}).Draw(t, "wait"))
		set("limit", rapid.SampledFrom([]string{"", "1"}).Draw(t, "limit"))
	case api.GetActivity.Route:
		set("type", rapid.SampledFrom([]string{"", "a2a_receive"}).Draw(t, "type"))
		if set("since_id", old("row", m.past.rows, "")); c.ev.QueryStringParameters["since_id"] == "" {
			set("cursor", old("cursor", m.past.cursors, ""))
		}
		set("limit", rapid.SampledFrom([]string{"", "1"}).Draw(t, "limit"))
	case api.ListWorkspaces.Route, api.ListMessages.Route, api.GetHistory.Route, api.GetAudit.Route:
		set("cursor", old("cursor", m.past.cursors, ""))
		set("limit", rapid.SampledFrom([]string{"", "1"}).Draw(t, "limit"))
	case api.RemoveWorkspace.Route:
		set("purge", rapid.SampledFrom([]string{"", "true"}).Draw(t, "purge"))
	}
}

// body is a well-formed body. What an agent says has the mark of its life.
func (m *machine) body(t *rapid.T, c *call, s *space, old func(string, []string, string) string) string {
	says := "said by nobody"
	if c.who.agent != nil {
		says = c.who.agent.life.mark()
	} else if l := s.present(); l != nil {
		says = l.mark()
	}
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	other := m.spaces[0]
	if other == s {
		other = m.spaces[1]
	}
	body := map[string]any{}
	switch c.op.Route {
	case api.SendMessage.Route:
		body["message"] = map[string]any{
			"role": "user", "parts": []any{map[string]any{"kind": "text", "text": "a call"}},
			"messageId": old("message", m.past.messages, fmt.Sprint("c", m.next())),
		}
	case api.Delegate.Route:
		body = map[string]any{"target_id": other.id, "task": "do " + says}
		if flag("with a key") {
			body["task"], body["idempotency_key"] = "do "+says+"k1", "k1"
		}
	case api.Ack.Route:
		body["acked_seq"] = rapid.IntRange(0, 3).Draw(t, "seq")
	case api.Report.Route:
		body = map[string]any{"activity_type": "note", "summary": says}
	case api.RecordDelegation.Route:
		body = map[string]any{"target_id": other.id, "task": says, "delegation_id": "own"}
	case api.UpdateDelegation.Route:
		body = map[string]any{"status": "completed", "response_preview": says}
	case api.Notify.Route:
		body["message"] = says
	case api.Register.Route:
		body = map[string]any{"id": s.id, "runtime": says, "agent_card": map[string]any{"name": says}}
		if text := old("enrolment", m.past.enrolments, ""); text != "" {
			body["enrolment_token"] = text
		}
	case api.UpdateCard.Route:
		body = map[string]any{"workspace_id": s.id, "agent_card": map[string]any{"name": says}}
	case api.Heartbeat.Route:
		body = map[string]any{"workspace_id": s.id, "active_tasks": 0, "error_rate": 0}
	case api.CreateWorkspace.Route:
		body = map[string]any{"id": s.id, "name": nextMark(s), "force": true}
		if s.present() != nil && flag("adopt") {
			body = map[string]any{"id": s.id, "adopt": true, "reset_credentials": true, "force": true}
		}
	case api.CreateEnrolment.Route:
		if flag("for one") {
			body["workspace_id"] = s.id
		}
		body["expires_in_seconds"] = rapid.SampledFrom([]int{60, 2592000}).Draw(t, "seconds")
	case api.CreateToken.Route:
		body = map[string]any{"name": "called", "scope": "view", "expires_in_seconds": 3600}
	case api.CreateWebhook.Route:
		body["url"] = fmt.Sprintf("http://10.0.0.8/hook-%d", m.next())
	case api.CancelMail.Route:
		body["all"] = true
	default:
		body = map[string]any{"force": flag("force"), "show": flag("show")}
	}
	return encoded(body)
}

// nextMark is that of the life that a workspace would begin.
func nextMark(s *space) string { return (&life{space: s, number: int64(len(s.lives))}).mark() }

// stood is how it stood when a call was made.
type stood struct {
	there, removed bool // the workspace that it is about
	good           bool // the agent's credential
	kept           bool // the message that it is about is in the mailbox of its life
	logged         int  // the rows in the log of the agent's life
}

// logging are the operations by which an agent logs something.
var logging = []string{api.Report.Route, api.Notify.Route, api.RecordDelegation.Route, api.UpdateDelegation.Route}

// loggedOf counts what stands in the log of a life.
func (m *machine) loggedOf(l *life) int {
	kept := workspace.Life{Workspace: l.space.id, Number: l.number}
	rows, err := m.store.ActivityLog(m.ctx, kept, activity.Range{Limit: 10_000})
	m.must("read the log", err)
	return len(rows)
}

func (m *machine) standing(c call) (out stood) {
	f, ok := m.facts(c.id)
	out.there, out.removed = ok && f.Hold != workspace.Removed, ok && f.Hold == workspace.Removed
	if id := c.ev.PathParameters["message_id"]; ok && id != "" {
		ms, err := m.store.Messages(m.ctx, f.Life(), id)
		m.must("read a message", err)
		out.kept = len(ms) > 0
	}
	if out.good = c.who.agent != nil && m.good(c.who.agent); out.good {
		out.logged = m.loggedOf(c.who.agent.life)
	}
	return out
}

// finish holds an answer to who called and to what is there, and keeps what it gave.
func (m *machine) finish(c call, was stood, resp events.APIGatewayV2HTTPResponse) {
	code := resp.StatusCode
	done := code < http.StatusMultipleChoices || code == http.StatusNotModified
	refused := code == http.StatusUnauthorized || code == http.StatusForbidden
	complain := func(why string) { m.t.Fatalf("%s: %d %s: %s", m.words(c), code, resp.Body, why) }
	least, forPeople := c.op.Access.ForPeople()
	open := c.op.Access.Allows(api.ByAnyone)
	mayAsPerson := forPeople && (c.who.root || c.who.person != nil && c.who.person.scope.Includes(httpapi.ScopeOf(least)))
	expired := c.who.person != nil && !m.clock.Now().Before(c.who.person.ends)
	itself := c.who.agent != nil && was.good && (c.id == "" || c.id == c.who.agent.life.space.id) &&
		c.op.Access.Allows(api.ByItself|api.ByAnyWorkspace)
	switch {
	case mayAsPerson && !expired && refused, itself && refused:
		complain("this caller may make it")
	case expired && !open && code != http.StatusUnauthorized && code != http.StatusForbidden:
		complain("the credential has expired")
	case c.who.agent != nil && !was.good && done && !open && c.op.Route != api.Register.Route:
		complain("the agent's credential is good no more")
	}
	reads := strings.HasPrefix(c.op.Route, "GET ") && c.old == ""
	if reads && (mayAsPerson && !expired || itself || open) && (was.there || c.id == "") && !done {
		complain("it reads what is there")
	}
	if done && was.good && slices.Contains(logging, c.op.Route) && m.loggedOf(c.who.agent.life) != was.logged+1 {
		complain("what it says is not in the log of its life")
	}
	if was.kept && c.who.root && !done && strings.HasPrefix(c.op.Route, "GET ") {
		complain("it reads a receipt that is kept")
	}
	if c.id != "" && (mayAsPerson || itself) && reads && was.removed && !done &&
		code != http.StatusNotFound && code != http.StatusGone && code != http.StatusUnauthorized {
		complain("it reads what was removed")
	}
	m.ownWords(c, resp.Body)
	m.learn(c, was, done, resp)
	if code == http.StatusNotModified {
		m.stillSame(c)
	}
}

// ownWords checks that an answer tells of no former life of the workspace that it is about, nor of the one that calls.
// The audit trail tells of all of them.
func (m *machine) ownWords(c call, body string) {
	if c.op.Route == api.GetHistory.Route || c.op.Route == api.GetAudit.Route {
		return
	}
	about := []*life{}
	if s := m.space(c.id); s != nil && s.present() != nil && strings.HasPrefix(c.op.Route, "GET ") {
		about = append(about, s.present())
	}
	if c.who.agent != nil {
		about = append(about, c.who.agent.life)
	}
	for _, l := range about {
		m.ofThisLife(m.words(c), l, body)
	}
}

func (m *machine) space(id string) *space {
	for _, s := range m.spaces {
		if s.id == id {
			return s
		}
	}
	return nil
}

// stillSame checks that what has not changed by its tag is the same when it is read.
func (m *machine) stillSame(c call) {
	tag := c.ev.Headers["if-none-match"]
	c.ev.Headers = maps.Clone(c.ev.Headers)
	delete(c.ev.Headers, "if-none-match")
	if resp := m.make(c); resp.Headers["etag"] != tag {
		m.t.Fatalf("%s: it has not changed since %s, and has the tag %s", m.words(c), tag, resp.Headers["etag"])
	}
}

// learn keeps what an answer gave for any later call, and notes what it did.
func (m *machine) learn(c call, was stood, done bool, resp events.APIGatewayV2HTTPResponse) {
	for _, s := range m.spaces {
		m.lived(s)
	}
	if !done {
		return
	}
	keep := func(to *[]string, text string) {
		if text != "" && len(*to) < 30 {
			*to = append(*to, text)
		}
	}
	var given struct {
		Token     string `json:"auth_token"`
		Message   string `json:"message_id"`
		Work      string `json:"delegation_id"`
		Enrolment string `json:"enrolment_token"`
		EnrolID   string `json:"enrolment_id"`
		TokenID   string `json:"token_id"`
		Hook      string `json:"webhook_id"`
		Next      any    `json:"next"`
	}
	_ = json.Unmarshal([]byte(resp.Body), &given) // some answers are lists, or no JSON
	keep(&m.past.tags, resp.Headers["etag"])
	keep(&m.past.cursors, resp.Headers[strings.ToLower(api.NextCursorHeader)])
	keep(&m.past.messages, given.Message)
	keep(&m.past.delegations, given.Work)
	keep(&m.past.enrolments, given.Enrolment)
	keep(&m.past.enrolments, given.EnrolID)
	keep(&m.past.tokens, given.TokenID)
	keep(&m.past.hooks, given.Hook)
	switch next := given.Next.(type) {
	case string:
		keep(&m.past.cursors, next)
	case float64:
		m.past.numbers = append(m.past.numbers, int64(next))
	}
	about := func(a *agent) bool { return c.id == "" || c.id == a.life.space.id }
	if a := c.who.agent; a != nil && was.good && about(a) && !c.op.Access.Allows(api.ByAnyone) {
		a.life.accepted = a.life.accepted || c.op.Access.Allows(api.ByItself|api.ByNewcomer)
		query := c.ev.QueryStringParameters
		polls := c.op.Route == api.GetActivity.Route && query["type"] != "" && query["cursor"] == ""
		a.life.polled = a.life.polled || polls
	}
	if s := m.space(c.id); s != nil && given.Token != "" {
		m.given(s.present(), given.Token)
		if c.op.Route == api.Register.Route {
			s.present().accepted = true
		}
	}
	if c.op.Route == api.RevokeToken.Route {
		m.persons = slices.DeleteFunc(m.persons, func(p person) bool { return token.PublicID(p.text) == given.TokenID })
	}
	m.learnHooks()
}

// lived notes what a call did to the life of a workspace.
func (m *machine) lived(s *space) {
	f, ok := m.facts(s.id)
	if !ok {
		return
	}
	l := s.present()
	if l != nil && (f.Hold == workspace.Removed || f.Lives > l.number) {
		l.ended, l = m.clock.Now(), nil
	}
	if l == nil && f.Hold != workspace.Removed {
		l = &life{space: s, number: f.Lives, began: m.clock.Now()}
		s.lives = append(s.lives, l)
	}
	if l != nil {
		l.paused = f.Hold == workspace.Paused
	}
}

// learnHooks has a receiver for each webhook that a call made, and none for one that it ended.
func (m *machine) learnHooks() {
	all, err := m.store.Hooks(m.ctx)
	m.must("list webhooks", err)
	there := map[string]bool{}
	for _, h := range all {
		there[h.URL] = true
		if m.hooks[h.URL] == nil {
			m.hooks[h.URL] = &receiver{id: h.ID, from: h.Last, last: h.Last, taken: map[int64]bool{}}
		}
	}
	maps.DeleteFunc(m.hooks, func(url string, _ *receiver) bool { return !there[url] })
}
