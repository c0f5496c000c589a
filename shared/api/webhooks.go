package api

import (
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// CreateWebhook is the call that makes a webhook.
var CreateWebhook = declare[WebhookRequest, CreatedWebhook](Operation{
	Function: "operate", Route: "POST /webhooks", ID: "createWebhook", Tag: "operator",
	Summary: "Post changes of status to a URL",
	Description: "Each change is posted as an event of Standard Webhooks, in the order of the log (GET /events), at " +
		"least once. An event that is not answered with 2xx within ten seconds is sent again, with pauses that grow to an " +
		"hour; the events after it wait. A webhook that fails for a day, or answers 410, is disabled.",
	Access:  ByOperator,
	Replies: []Reply{{Status: 201, Description: "made"}},
	Errors:  errs(400, 409, 413),
})

// WebhookRequest is the webhook to make.
type WebhookRequest struct {
	URL      string             `json:"url" required:"true" minLength:"1" maxLength:"2048" description:"where events are posted to"`
	Statuses []workspace.Status `json:"statuses" maxItems:"7" description:"only changes from or to these; default all"`
}

// Webhook is a webhook, without its secret.
type Webhook struct {
	WebhookID    string             `json:"webhook_id"`
	URL          string             `json:"url"`
	Statuses     []workspace.Status `json:"statuses" description:"only changes from or to these; none: all"`
	CreatedAt    time.Time          `json:"created_at"`
	CreatedBy    string             `json:"created_by"`
	State        string             `json:"state" enum:"working,waiting,failing,disabled" description:"waiting: it has taken no event yet, and none has failed"`
	Reason       string             `json:"reason,omitempty" description:"why it fails or is disabled"`
	Problem      string             `json:"problem,omitempty" description:"what is wrong with it, and what to do, for a person; absent: nothing is"`
	Command      string             `json:"command,omitempty" description:"the exact command that comes next"`
	Last         int64              `json:"last_seq" description:"number of the last change that was posted, or that was not for it"`
	Behind       int64              `json:"behind" description:"changes in the log after that one"`
	Missed       int64              `json:"missed,omitempty" description:"changes that the log no longer had when their turn came"`
	TakenAt      time.Time          `json:"last_taken_at,omitzero" description:"when it last took an event; absent: never"`
	Failures     int                `json:"failures,omitempty" description:"how often it failed since"`
	FailingSince time.Time          `json:"failing_since,omitzero"`
	LastStatus   int                `json:"last_http_status,omitempty" description:"its last answer; absent: none"`
	NextTry      time.Time          `json:"next_try_at,omitzero"`
	DisabledAt   time.Time          `json:"disabled_at,omitzero"`
}

// CreatedWebhook is a webhook that was made, or whose secret is new.
type CreatedWebhook struct {
	Webhook
	Secret string `json:"secret" description:"its events are signed with it, as Standard Webhooks say; shown once"`
	Next   string `json:"next" description:"what to do now"`
	Unread
}

// ListWebhooks is the call that lists webhooks.
var ListWebhooks = declare[None, Webhooks](Operation{
	Function: "operate", Route: "GET /webhooks", ID: "listWebhooks", Tag: "operator",
	Summary: "List webhooks, and how each does",
	Access:  ByOperator,
	Errors:  errs(),
})

// Webhooks are all there are.
type Webhooks struct {
	Webhooks []Webhook `json:"webhooks"`
}

// WebhookPath names a webhook.
type WebhookPath struct {
	WebhookID string `json:"-" path:"webhook_id" maxLength:"64" description:"the webhook, by its webhook_id"`
}

// DeleteWebhook is the call that ends a webhook.
var DeleteWebhook = declare[WebhookPath, Webhook](Operation{
	Function: "operate", Route: "DELETE /webhooks/{webhook_id}", ID: "deleteWebhook", Tag: "operator",
	Summary: "End a webhook",
	Access:  ByOperator,
	Errors:  errs(400, 404),
})

// TestWebhook is the call that posts an event that tells of nothing.
var TestWebhook = declare[WebhookPath, TestedWebhook](Operation{
	Function: "operate", Route: "POST /webhooks/{webhook_id}/test", ID: "testWebhook", Tag: "operator",
	Summary: "Post a test event, to see whether it arrives",
	Access:  ByOperator,
	Errors:  errs(400, 404, 409),
})

// TestedWebhook is what the receiver answered.
type TestedWebhook struct {
	WebhookID string `json:"webhook_id"`
	Status    int    `json:"http_status"`
	Hint      string `json:"hint,omitempty" description:"why what answered may not be the receiver, as a web page that anything is answered with"`
	Next      string `json:"next,omitempty" description:"what to do now: of one that is failing or disabled, the command that has it posted to again"`
}

// RotateWebhook is the call that gives a webhook a new secret.
var RotateWebhook = declare[WebhookPath, CreatedWebhook](Operation{
	Function: "operate", Route: "POST /webhooks/{webhook_id}/rotate", ID: "rotateWebhook", Tag: "operator",
	Summary: "Give a webhook a new secret; for a day, events are signed with the old one too",
	Access:  ByOperator,
	Errors:  errs(400, 404),
})

// EnableWebhook is the call that has a webhook told again.
var EnableWebhook = declare[EnableWebhookRequest, EnabledWebhook](Operation{
	Function: "operate", Route: "POST /webhooks/{webhook_id}/enable", ID: "enableWebhook", Tag: "operator",
	Summary:      "Post to a webhook again, and try it at once",
	Access:       ByOperator,
	BodyOptional: true,
	Errors:       errs(400, 404),
})

// EnableWebhookRequest says from where on.
type EnableWebhookRequest struct {
	WebhookPath
	FromNow bool `json:"from_now" description:"leave out what was not told meanwhile"`
}

// EnabledWebhook is a webhook that is told again.
type EnabledWebhook struct {
	Webhook
	Next string `json:"next,omitempty" description:"of one that was enabled after a credential that it was made or enabled with was revoked: what to know, and what to do"`
	Unread
}

// DisableWebhook is the call that has a webhook told nothing.
var DisableWebhook = declare[WebhookPath, Webhook](Operation{
	Function: "operate", Route: "POST /webhooks/{webhook_id}/disable", ID: "disableWebhook", Tag: "operator",
	Summary: "Post nothing to a webhook until it is enabled",
	Access:  ByOperator,
	Errors:  errs(400, 404),
})
