package api

// Problem is the body of every error. A client may be given further members with
// some codes.
type Problem struct {
	_          struct{} `additionalProperties:"true" description:"Every error of every call."`
	Error      string   `json:"error" description:"what is wrong, for a person"`
	Code       string   `json:"code" description:"what is wrong, for a machine"`
	Hint       string   `json:"hint" description:"what mends it"`
	Action     string   `json:"action" description:"the next step in one word: repair, restart, retry, stop, drop_cursor, …"`
	RetryAfter int      `json:"retry_after,omitempty" description:"seconds, with 429 and 503; the same as the Retry-After header"`
	FilledBy   string   `json:"filled_by,omitempty" description:"with inbox_full: the sender that fills most of the inbox"`
	WSStatus   string   `json:"workspace_status,omitempty" description:"with agent_unreachable: the status of its workspace"`
	WSReason   string   `json:"workspace_reason,omitempty" description:"with agent_unreachable: the reason of it"`
	RequestID  string   `json:"request_id,omitempty" description:"for the operator, who finds it in the log"`
}

// ErrorDescriptions say what an error's status means.
var ErrorDescriptions = map[int]string{
	400: "the request is wrong",
	401: "no credential, or one that isn't accepted",
	403: "the credential is good, but not for this",
	404: "there is no such thing",
	405: "the path takes other methods, which allow names",
	409: "it is not so now",
	410: "it is gone",
	413: "too large",
	429: "too much is waiting; Retry-After says when to come again",
	500: "the function failed or was ended; whether it did its work can be asked with a repeat, which does nothing twice",
	503: "the store can't be asked (platform_unavailable), or others changed the same thing again and again (conflict); " +
		"nothing was decided; Retry-After says when to come again",
}
