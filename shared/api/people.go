package api

import "time"

// CreateToken is the call that makes a person's credential.
var CreateToken = declare[TokenRequest, CreatedToken](Operation{
	Function: "operate", Route: "POST /tokens", ID: "createToken", Tag: "operator",
	Summary: "Make a person's credential",
	Description: "The audit trail names it by its name. The scope view sees status, operate does what operators do, and " +
		"admin also makes credentials. One lasts for 90 days if the call doesn't say.",
	Access:  ByAdmin,
	Replies: []Reply{{Status: 201, Description: "made"}},
	Errors:  errs(400, 413),
})

// TokenRequest is the credential to make.
type TokenRequest struct {
	Name    string `json:"name" required:"true" minLength:"1" maxLength:"64" description:"whose it is: one word of letters and digits, and of other characters only . _ - @ +"`
	Scope   string `json:"scope" required:"true" enum:"view,operate,admin" description:"what its holder may do"`
	Team    string `json:"team" maxLength:"40" description:"the only team that it is for; not for an admin's"`
	Seconds *int   `json:"expires_in_seconds" minimum:"60" maximum:"31622400" description:"default: 90 days"`
}

// Token is a person's credential, without its secret.
type Token struct {
	TokenID   string    `json:"token_id"`
	Name      string    `json:"name"`
	Scope     string    `json:"scope" enum:"view,operate,admin"`
	Team      string    `json:"team,omitempty" description:"the only team that it is for; absent: all"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	ExpiresAt time.Time `json:"expires_at"`
	Expired   bool      `json:"expired"`
	UsedAt    time.Time `json:"last_used_at,omitzero" description:"absent: never; noted at most once in five minutes"`
	UsedFrom  string    `json:"last_used_from,omitempty" description:"network address of the last use"`
	RevokedAt time.Time `json:"revoked_at,omitzero" description:"it has ended, but not all that ends with it: repeat it"`
}

// CreatedToken is a credential that was made.
type CreatedToken struct {
	Token
	Credential string `json:"credential" description:"shown once"`
	Next       string `json:"next" description:"what to do now"`
	Unread
}

// ListTokens is the call that lists people's credentials.
var ListTokens = declare[None, Tokens](Operation{
	Function: "operate", Route: "GET /tokens", ID: "listTokens", Tag: "operator",
	Summary: "People's credentials, by name",
	Access:  ByAdmin,
	Errors:  errs(),
})

// Tokens are people's credentials.
type Tokens struct {
	Tokens []Token `json:"tokens"`
}

// RevokeToken is the call that ends a person's credential.
var RevokeToken = declare[Revocation, RevokedToken](Operation{
	Function: "operate", Route: "DELETE /tokens/{token_id}", ID: "revokeToken", Tag: "operator",
	Summary: "End a person's credential",
	Description: "What was made with it ends with it, or is named in the answer. One that has ended before, and is not " +
		"stored any more, can be revoked as long as something works that comes from it.",
	Access: ByAdmin,
	Errors: errs(404),
})

// Revocation names a person's credential that is to end.
type Revocation struct {
	TokenID   string `json:"-" path:"token_id" description:"the credential, by its token_id"`
	AllItMade string `json:"-" query:"all_it_made" enum:"true" description:"also those made with it, but the caller's own"`
}

// RevokedToken is the answer to a revocation.
type RevokedToken struct {
	TokenID string `json:"token_id"`
	Name    string `json:"name" description:"empty: it ended before, and is not stored any more"`
	Status  string `json:"status" enum:"revoked"`
	// Webhooks are disabled with the credential that they come from.
	Webhooks    []string      `json:"webhooks" description:"made or enabled with it, and disabled now"`
	AlsoRevoked []RevokedAlso `json:"also_revoked" description:"good ones that come from it, which all_it_made ended"`
	StillGood   []StillGood   `json:"still_good" description:"what comes from it, or was shown for it, and is good still"`
	// NotEnded is empty when all is done. The credential itself has ended in any case.
	NotEnded []NotEnded `json:"not_ended" description:"what is still to end: make the same call again"`
	Next     string     `json:"next" description:"what ended with it, and how what is known goes on"`
}

// RevokedAlso is a person's credential that ended with the one that it comes from.
type RevokedAlso struct {
	TokenID string `json:"token_id"`
	Name    string `json:"name" description:"whose it was"`
	Scope   string `json:"scope" description:"what its holder could do"`
}

// NotEnded is what a revocation could not end or look at this time.
type NotEnded struct {
	Kind string `json:"kind" enum:"audit_line,webhook,webhooks,token,tokens" description:"webhooks and tokens: the list"`
	ID   string `json:"id,omitempty" description:"the token_id, or the webhook_id"`
}

// StillGood is what a revoked person made, or was shown, and a revocation does not end: others may depend on it.
type StillGood struct {
	Kind    string `json:"kind" enum:"token,webhook,webhook_secret" description:"webhook: another enabled it since"`
	ID      string `json:"id" description:"the token_id, or the webhook_id"`
	Name    string `json:"name,omitempty" description:"of a credential: whose it is"`
	Scope   string `json:"scope,omitempty" description:"of a credential: what its holder may do"`
	Command string `json:"command" description:"ends it; of a webhook, the receiver is given the new secret"`
}

// WhoAmI is the call that says whose a credential is.
var WhoAmI = declare[None, Me](Operation{
	Function: "status", Route: "GET /whoami", ID: "getCaller", Tag: "platform",
	Summary: "Whose the credential is, and what it may do",
	Access:  ByViewer, InTeam: true,
	Errors: errs(),
})

// Me is a person's credential, as its holder sees it.
type Me struct {
	Name      string    `json:"name"`
	Scope     string    `json:"scope" enum:"view,operate,admin"`
	Team      string    `json:"team,omitempty" description:"the only team that it is for; absent: all"`
	ExpiresAt time.Time `json:"expires_at,omitzero" description:"absent: it does not expire, as it is the root credential"`
}

// InspectCredential is the call that says whose an agent's credential is, and uses it for nothing.
var InspectCredential = declare[None, Inspected](Operation{
	Function: "status", Route: "GET /registry/credential", ID: "inspectCredential", Tag: "platform",
	Summary: "Whose an agent's credential is, without using it",
	Description: "For rollcall doctor, which runs where an agent runs. This call changes no fact about the " +
		"workspace: it renews no lease, is not the first use of a new credential, and is not counted when it is refused. " +
		"The first other call with one that is new (not_used_yet) ends the one before it.",
	Access: ByAnyWorkspace, SelfChecked: true,
	Errors: errs(401, 410),
})

// Inspected is what the platform knows of an agent's credential and of its workspace.
type Inspected struct {
	WorkspaceID string    `json:"workspace_id" schema:"WorkspaceID"`
	Credential  string    `json:"credential" enum:"in_use,not_used_yet" description:"not_used_yet: it is new"`
	From        string    `json:"from" description:"network address from which this call came"`
	At          time.Time `json:"at" description:"the platform's time"`
	Workspace   Workspace `json:"workspace"`
}
