package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"hash/fnv"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// success is the response that carries an operation's reply.
func success(op *api.Operation, reply any) (events.APIGatewayV2HTTPResponse, error) {
	resp := response(op.Replies[0].Status)
	if s, ok := reply.(api.StatusCoder); ok {
		resp.StatusCode = s.StatusCode()
	}
	if h, ok := reply.(api.Headed); ok {
		var headers map[string]string
		reply, headers = h.Headed()
		for name, value := range headers {
			resp.Headers[strings.ToLower(name)] = value
		}
	}
	if c, ok := reply.(api.Content); ok {
		if kind, body := c.Content(); kind != "" {
			resp.Headers["content-type"], resp.Body = kind+"; charset=utf-8", string(body)
			if kind == api.HTML {
				resp.Headers["content-security-policy"] = pagePolicy(resp.Body)
			}
			return resp, nil
		}
	}
	body, err := chat.Marshal(reply)
	body = chat.TameNumbers(body) // what was stored by other ways than a call must not break a client's reader either
	if err == nil && chat.EncodedSize(body) > maxAnswer {
		err = fault.New(fault.TooLarge, "the answer is too large for one reply").
			WithHint("ask for fewer at a time, with limit", "stop")
	}
	resp.Body = string(body)
	return resp, err
}

// maxAnswer is what a function may answer, in bytes, but for some room for the
// envelope. Lists are bounded by less (chat.MaxReply); this is for what is not a
// list. Source: AWS Lambda Developer Guide, "Lambda quotas".
const maxAnswer = 6<<20 - 16<<10

// response is a response without a body, of JSON unless something else is said.
func response(status int) events.APIGatewayV2HTTPResponse {
	headers := map[string]string{"content-type": api.JSON, "cache-control": "no-store"}
	maps.Copy(headers, browserHeaders)
	return events.APIGatewayV2HTTPResponse{StatusCode: status, Headers: headers}
}

// failure is the response that tells of an error.
func failure(err error, c Call) events.APIGatewayV2HTTPResponse {
	e, ok := errors.AsType[*fault.Error](err)
	status := statuses[fault.CodeOf(err)]
	if !ok || status == 0 || status == http.StatusInternalServerError {
		status = http.StatusInternalServerError
		e = fault.New(fault.Internal, "internal error").WithHint("give the request_id to the operator", fault.ActionRetry)
	}
	if refusesCredential[e.Code] && strings.HasPrefix(c.Bearer(), string(token.Enrolment)+"_") {
		hint := "send it as enrolment_token in the body of a register, without a credential: the answer has the " +
			"credential for every other call"
		if e.Action == "login" { // a person calls
			hint = "it is for an agent that registers: take a person's credential, as " +
				"an admin makes it: rollcall token create --name NAME --scope operate"
		}
		e = fault.New(e.Code, "this is an enrolment token, and no credential").WithHint(hint, fault.ActionStop)
	}
	if refusesCredential[e.Code] && token.OtherKind(c.Bearer()) == token.OfSigning {
		e = fault.New(e.Code, "this is the secret that calls to an agent are signed with, and no credential").
			WithHint("send the workspace's credential (auth_token)", e.Action)
	}
	if why := token.Wrapping(c.Bearer()); why != "" && refusesCredential[e.Code] {
		e = e.WithHint("send the credential alone, as it was shown: "+why, e.Action)
	}
	if e.Code == fault.Conflict {
		e = fault.New(fault.Conflict, "others changed this at the same time, again and again; this call changed nothing").
			WithHint("try again after the time in Retry-After", "retry").WithRetryAfter(time.Second)
	}
	resp := response(status)
	p := api.Problem{
		Error: e.Message, Code: string(e.Code), Hint: cmp.Or(e.Hint, meanings[e.Code][1]),
		Action: cmp.Or(e.Action, actionOf(status)), RequestID: c.RequestContext.RequestID, Details: e.Details,
	}
	if status == http.StatusServiceUnavailable || e.Code == fault.Conflict { // so that they meet no second time
		e = e.WithRetryAfter(e.RetryAfter + spread(c.RequestContext.RequestID))
	}
	if e.RetryAfter > 0 || status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		p.RetryAfter = max(1, int((e.RetryAfter+time.Second-1)/time.Second))
		resp.Headers["retry-after"] = strconv.Itoa(p.RetryAfter) // integer seconds: a date crashes a client's loop
	}
	if status == http.StatusUnauthorized {
		resp.Headers["www-authenticate"] = "Bearer"
	}
	if methods := e.Details.Allow; len(methods) > 0 {
		resp.Headers["allow"] = strings.Join(methods, ", ")
	}
	resp.Body = problemJSON(p)
	return resp
}

// refusesCredential are the codes of a credential that is nobody's.
var refusesCredential = map[fault.Code]bool{fault.CredentialUnknown: true, fault.CallerCredentialUnknown: true}

// actionOf is what a caller does after an error that names no action of its own.
func actionOf(status int) fault.Action {
	if status == http.StatusTooManyRequests || status >= http.StatusInternalServerError {
		return fault.ActionRetry
	}
	return fault.ActionStop
}

// retrySpread is how much later than others a caller is asked to try again at most: those whom the same fault of the
// store met do not all come back at once.
const retrySpread = 4 * time.Second

// spread is a call's share of retrySpread, in whole seconds. It is as random as the gateway's request id.
func spread(requestID string) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(requestID))
	return time.Duration(h.Sum32()%uint32(retrySpread/time.Second+1)) * time.Second
}

// problemJSON is a problem as a body. Nothing in one fails to encode.
func problemJSON(p api.Problem) string {
	body, _ := json.Marshal(p)
	return string(body)
}
