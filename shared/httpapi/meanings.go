package httpapi

import (
	"cmp"
	"maps"
	"slices"

	"github.com/rollcall/rollcall/shared/fault"
)

// CodeMeaning is a code of an error, for who reads the documentation.
type CodeMeaning struct {
	Code   fault.Code
	Status int
	Means  string // what is wrong
	Do     string // what its caller does
	// Actions are the same in one word for a program; of several, each error has the one that fits.
	Actions []fault.Action
}

// Meanings are all codes, by status and name.
func Meanings() []CodeMeaning {
	var out []CodeMeaning
	for code, status := range statuses {
		m := meanings[code]
		out = append(out, CodeMeaning{code, status, m[0], m[1], ActionsOf(code)})
	}
	slices.SortFunc(out, func(a, b CodeMeaning) int {
		return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(a.Code, b.Code))
	})
	return out
}

// ActionsOf are the actions that errors of a code have.
func ActionsOf(code fault.Code) []fault.Action {
	if special, ok := actions[code]; ok {
		return special
	}
	return []fault.Action{actionOf(statuses[code])}
}

// actions are those of the codes that have others than their status says.
var actions = map[fault.Code][]fault.Action{
	fault.AgentUnreachable:        {fault.ActionRetry},
	fault.AuthorizationMalformed:  {fault.ActionStop},
	fault.CallerCredentialUnknown: {fault.ActionRepair, fault.ActionStop},
	fault.CredentialExpired:       {fault.ActionLogin},
	fault.CredentialInUse:         {fault.ActionForce},
	fault.CredentialMissing:       {fault.ActionRepair, fault.ActionLogin, fault.ActionStop},
	fault.CredentialPending:       {fault.ActionWait},
	fault.CredentialUnknown:       {fault.ActionRepair, fault.ActionLogin, fault.ActionStop},
	fault.CursorGone:              {fault.ActionDropCursor},
	fault.EnrolmentUnknown:        {fault.ActionEnrol},
	fault.EpochUnknown:            {fault.ActionRegister},
	fault.RepairAddressUnknown:    {fault.ActionRepair},
	fault.WorkspaceExists:         {fault.ActionAdopt},
	fault.WorkspaceUnknown:        {fault.ActionRegister, fault.ActionStop},
}

// meant are the codes that have a meaning.
func meant() []fault.Code { return slices.Sorted(maps.Keys(meanings)) }

// meanings say of each code what is wrong, and what its caller does.
var meanings = map[fault.Code][2]string{
	fault.InvalidRequest: {
		"a member, a parameter or a header is not as described",
		"change the call; the text names what is wrong",
	},
	fault.InvalidJSON:     {"the body is no JSON", "send a JSON object"},
	fault.UnsupportedType: {"the body does not say that it is JSON", "send it with content-type: application/json"},
	fault.InvalidWorkspaceID: {
		"this can't be the id of a workspace",
		"use 1 to 64 letters, digits, dots, dashes or underscores",
	},
	fault.URLForbidden: {
		"the URL leads where the platform may not call",
		"register one that the platform can reach",
	},
	fault.TooLarge: {"the body or the message is too large", "send less; the text says what the limit is"},

	fault.UnknownRoute:     {"no operation has this path", "look it up on this page"},
	fault.MethodNotAllowed: {"the path takes other methods", "use one that the header allow names"},
	fault.NotServed:        {"older platforms serve this, and Rollcall does not", "the hint says what serves it"},
	fault.WorkspaceUnknown: {"no workspace has this id", "check that the id is right; create it"},
	fault.WorkspaceRemoved: {"the workspace was removed", "stop; an operator can create it again"},
	fault.MessageUnknown: {
		"no message has this id, or its receipt is older than a week",
		"check that the id is right",
	},
	fault.TokenUnknown: {"no credential of a person has this id", "list them"},
	fault.EnrolmentAbsent: {
		"no enrolment has this id: it never was, has expired, or was withdrawn",
		"check the id: rollcall enrol prints it",
	},
	fault.WebhookUnknown: {"no webhook has this id", "list them"},
	fault.WebhookFailed:  {"the webhook's receiver did not take the test", "check its URL, and that it answers with 2xx"},
	fault.CursorGone:     {"the cursor is unknown, or older than what is kept", "begin again without it"},

	fault.WorkspaceExists: {"a workspace with this id exists", "adopt it, or choose another id"},
	fault.EpochSuperseded: {
		"another host has registered since, or an operator has reset the credentials",
		"end this host: one that is started anew registers",
	},
	fault.EpochUnknown: {
		"no register was answered with this epoch, as after a restore from a backup", "register, and send the new epoch",
	},
	fault.WebhookExists: {
		"a webhook with this URL and these statuses exists", "use that one, or give it a new secret",
	},
	fault.MessageIDTaken:         {"this id was used for another message", "choose another id"},
	fault.MessageAlreadyTerminal: {"the message has ended", "read its receipt"},
	fault.MessageNotDead:         {"only a message that died or expired is put back", "read its receipt"},
	fault.NotPushed:              {"the agent is not pushed to, so no call is passed to it", "send it a message"},
	fault.CredentialInUse: {
		"the credential that this would end is in use",
		"check that the id is right; force cuts the agent off",
	},
	fault.CredentialPending: {
		"a credential that was issued before is not used yet",
		"use that one; force ends it unused",
	},
	fault.RepairAddressUnknown: {
		"no address is known from which the agent calls",
		"name the address, or have a credential shown",
	},

	fault.AuthorizationMalformed: {
		"the credential stands in a header in another form than Authorization: Bearer CREDENTIAL",
		"send that header; whether the credential is good was not asked",
	},
	fault.CredentialMissing: {"the call has no credential", "send one in the header Authorization"},
	fault.CredentialUnknown: {
		"the credential is unknown, or was ended",
		"an operator repairs the agent; a person signs in again",
	},
	fault.CredentialExpired: {"the person's credential has expired", "have an admin make another one"},
	fault.CredentialOfAnother: {
		"the credential is another workspace's, or a person's",
		"send the workspace's own",
	},
	fault.OperatorOnly: {
		"the credential is a workspace's, and the call is for people",
		"sign in as a person",
	},
	fault.ScopeTooSmall: {
		"the person's credential has a smaller scope",
		"have an admin make one with the scope that the text names",
	},
	fault.OtherTeam: {
		"the credential or the id belongs to another team",
		"use a credential of no team, or of that one",
	},
	fault.CallerCredentialUnknown: {
		"the credential is not a workspace's",
		"send that of the workspace that calls",
	},
	fault.CallerMismatch: {
		"the headers, the path or the body name another workspace than the credential's",
		"leave the headers out, or name the right one",
	},
	fault.EnrolmentUnknown: {
		"the enrolment token is unknown, used up, expired, ended, or for another workspace",
		"have an operator make another one",
	},

	fault.InboxFull: {
		"too many messages wait, or too many from this sender",
		"try again after Retry-After; an operator sees why they wait",
	},
	fault.TooManyWaits: {
		"as many calls of this caller as may wait for an answer at a time do so",
		"wait for their answers, or try again after Retry-After",
	},
	fault.AgentUnreachable:    {"the agent did not answer the call that was passed to it", "try again later"},
	fault.PlatformUnavailable: {"the store can't be asked; nothing was decided", "try again after Retry-After"},
	fault.Conflict: {
		"others changed the same thing again and again; nothing was decided",
		"try again after Retry-After",
	},
	fault.OperatorFirst: {
		"an operator changes this workspace, and comes first; nothing was changed",
		"make the same call again after Retry-After",
	},
	fault.Internal: {
		"the function failed",
		"try again: a repeat does nothing twice; tell the operator the request_id",
	},
}
