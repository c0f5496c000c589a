package api

import "github.com/rollcall/rollcall/shared/fault"

// Problem is the body of every error.
type Problem struct {
	_          struct{}     `description:"Every error of every call."`
	Error      string       `json:"error" description:"what is wrong, for a person"`
	Code       string       `json:"code" description:"what is wrong, for a program"`
	Hint       string       `json:"hint" description:"what to do, for a person"`
	Action     fault.Action `json:"action" description:"what to do, for a program"`
	RetryAfter int          `json:"retry_after,omitempty" description:"seconds, with 429 and 503; the same as the Retry-After header"`
	RequestID  string       `json:"request_id,omitempty" description:"for the operator, who finds it in the log"`
	Message    string       `json:"message,omitempty" description:"where the gateway answers in place of a function: its text, the same as error"`
	fault.Details
}

// ErrorDescriptions say what an error's status means.
var ErrorDescriptions = map[int]string{
	400: "the request is wrong",
	401: "the call has no credential, or one that is not accepted",
	403: "the credential is accepted, but it may not make this call",
	404: "there is no such thing",
	405: "the path takes other methods: the header Allow lists them",
	409: "the call does not fit what is stored now",
	410: "it was removed, or is no longer kept",
	413: "the body is too large",
	415: "the body does not say that it is JSON",
	429: "too many messages wait, too many calls of this caller wait or come, or others changed the same thing at the " +
		"same time; nothing was decided: try again after Retry-After",
	500: "the function failed, and may have done its work or not; make the call again: nothing is done twice",
	503: "the store can't be asked; nothing was decided: try again after Retry-After",
}
