package main

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// members are a JSON object's, as they came.
type members = map[string]json.RawMessage

// messageID is what a sender may call a message.
var messageID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]*$`)

// maxMessageID bounds a message's id, in bytes.
const maxMessageID = 128

// maxMethod is how much of an unknown method an error quotes, in bytes.
const maxMethod = 64

// exampleMessage shows what to send.
const exampleMessage = `{"jsonrpc":"2.0","method":"message/send","params":{"message":` +
	`{"role":"user","messageId":"…","parts":[{"kind":"text","text":"…"}]}}}`

// sendExample is the hint for a request that lacks what makes it a message.
const sendExample = "send " + exampleMessage

// parse normalises an A2A body as docs/wire-contract.md says (sections 2.5 and 9.1):
// a bare message is wrapped; jsonrpc, id, method and messageId are filled in, and
// what the message lacks (complete). What else the sender wrote reaches the agent as
// it is; what of it the platform could be meant to read is unread. Errors: those of Call.Decode, invalid_request,
// too_large.
func parse(c httpapi.Call, p chat.Policy) (chat.Message, api.Unread, error) {
	m := chat.Message{Method: "message/send", Priority: chat.Task}
	rpc, params, message, bare, err := unwrap(c, &m.Method)
	left := unreadOf(rpc, params, message, bare)
	if err == nil {
		m, err = readMessage(rpc, params, message, m, p, c.Now)
	}
	return m, left, orMisspelt(err, left)
}

// orMisspelt is the refusal of a message that lacks something, with what may be meant for it as its hint.
func orMisspelt(err error, left api.Unread) error {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Hint == sendExample && left.IgnoredHint != "" {
		return e.WithHint(left.IgnoredHint, e.Action)
	}
	return err
}

// readMessage makes a message of the members of its request. Errors: invalid_request, too_large.
func readMessage(rpc, params, message members, m chat.Message, p chat.Policy, now time.Time) (chat.Message, error) {
	if err := readLimits(params, now, &m); err != nil {
		return m, err
	}
	delete(params, "callback_url") // it is between the sender and the platform: who has it could answer there in its place
	if err := readText(message, "messageId", &m.ID); err != nil {
		return m, err
	}
	if m.ID == "" {
		m.ID = uuid.NewString()
	}
	if len(m.ID) > maxMessageID || !messageID.MatchString(m.ID) {
		hint := "without messageId, the platform makes one"
		if strings.HasPrefix(m.ID, "_") {
			hint = "ids that begin with '_' are the platform's own; " + hint
		}
		return m, fault.New(fault.InvalidRequest, "messageId must have 1 to 128 letters, digits, '.', '_', ':' or '-', "+
			"and begin with a letter or a digit").WithHint(hint, "stop")
	}
	message["messageId"] = quote(m.ID)
	if err := complete(message, m.Method); err != nil {
		return m, err
	}
	params["message"] = object(message)
	rpc["params"], rpc["jsonrpc"], rpc["method"] = object(params), quote("2.0"), quote(m.Method)
	if err := setCallID(rpc, m.ID); err != nil {
		return m, err
	}
	m.Body = object(rpc)
	return m, checkSize(m.Body, p)
}

// notServed refuses a method, and says which are served. Error: invalid_request.
func notServed(method string) error {
	return fault.New(fault.InvalidRequest, "the method %q is not served: message/send and message/stream are, tasks/get "+
		"and tasks/cancel, and what other versions of A2A call them", chat.Clip(method, maxMethod)).
		WithHint("send "+exampleMessage+"; what the agent answered is in its receipt", "stop")
}

// setCallID gives a JSON-RPC request an id, where it has none. Error: invalid_request,
// for one that is neither a text nor a number nor null (JSON-RPC 2.0, section 4).
func setCallID(rpc members, id string) error {
	raw, ok := rpc["id"]
	switch {
	case !ok:
		rpc["id"] = quote(id)
	case strings.Contains("tf[{", string(raw[0])):
		return fault.New(fault.InvalidRequest, "id must be a string, a number or null").
			WithHint("send another id, or leave it out, and one is made", "stop")
	}
	return nil
}

// checkSize bounds a body as it is kept. Error: too_large.
func checkSize(body json.RawMessage, p chat.Policy) error {
	if len(body) <= p.MaxBody {
		return nil
	}
	return fault.New(fault.TooLarge, "the message has %d bytes, and the limit is %d", len(body), p.MaxBody).
		WithHint("send large content as a link", "stop")
}

// unwrap takes a body apart: the JSON-RPC request, its method, its params and its message; bare is true for a message
// without params. A method that carries no message is refused as that, whatever its params are. Of a request without a
// message there are the members that it has.
func unwrap(c httpapi.Call, method *string) (rpc, params, message members, bare bool, err error) {
	fail := func(err error) (_, _, _ members, _ bool, _ error) { return nil, nil, nil, false, err }
	body, err := c.Read(&rpc)
	switch {
	case err != nil:
		return fail(err)
	case rpc == nil:
		return fail(fault.New(fault.InvalidRequest, "the body must be an A2A request"))
	}
	if err := readText(rpc, "method", method); err != nil {
		return fail(err)
	}
	if !chat.MessageMethod(*method) {
		return fail(notServed(*method))
	}
	if err := httpapi.CheckTwice(rpc, body); err != nil {
		return fail(err)
	}
	if _, ok := rpc["params"]; !ok {
		rpc, bare = members{"params": object(rpc)}, true
	}
	if json.Unmarshal(rpc["params"], &params) != nil || params == nil {
		return rpc, nil, nil, bare, fault.New(fault.InvalidRequest, "params must be an object")
	}
	raw, ok := params["message"]
	if !ok || json.Unmarshal(raw, &message) != nil || message == nil {
		return rpc, params, nil, bare, fault.New(fault.InvalidRequest, "params.message must be an object").
			WithHint(sendExample, "stop")
	}
	if err := httpapi.CheckTwice(params, rpc["params"]); err != nil {
		return fail(err)
	}
	return rpc, params, message, bare, httpapi.CheckTwice(message, raw)
}

// readLimits reads how a message is to be delivered.
func readLimits(params members, now time.Time, m *chat.Message) error {
	said := members{}
	for _, name := range []string{"expires_in_seconds", "priority", "callback_url"} { // the decoder takes any case
		if raw, ok := params[name]; ok {
			said[name] = raw
		}
	}
	if len(said) == 0 {
		return nil
	}
	var limits struct {
		ExpiresIn *float64       `json:"expires_in_seconds"`
		Priority  *chat.Priority `json:"priority"`
		Callback  string         `json:"callback_url"`
	}
	if err := httpapi.DecodeJSON(object(said), &limits); err != nil {
		if e, ok := errors.AsType[*fault.Error](err); ok {
			return fault.New(e.Code, "params.%s", e.Message)
		}
		return err
	}
	if e := limits.ExpiresIn; e != nil {
		if *e < 1 || *e > 14*24*3600 {
			return fault.New(fault.InvalidRequest, "params.expires_in_seconds must be from 1 to 1209600")
		}
		m.ExpiresAt = now.Add(time.Duration(*e * float64(time.Second)))
	}
	if pr := limits.Priority; pr != nil {
		if *pr != chat.Critical && *pr != chat.Task && *pr != chat.Info {
			return fault.New(fault.InvalidRequest, "params.priority must be 100, 50 or 10")
		}
		m.Priority = *pr
	}
	m.Callback = limits.Callback
	return nil
}

// readText reads a member that is a text, if it is there.
func readText(from members, key string, to *string) error {
	if raw, ok := from[key]; ok && json.Unmarshal(raw, to) != nil {
		return fault.New(fault.InvalidRequest, "%s must be a string", key)
	}
	return nil
}

// quote and object can't fail: what they are given was decoded before.
func quote(s string) json.RawMessage { b, _ := chat.Marshal(s); return b }

func object(m members) json.RawMessage { b, _ := chat.Marshal(m); return b }
