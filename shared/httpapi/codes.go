package httpapi

import (
	"net/http"

	"github.com/rollcall/rollcall/shared/fault"
)

// statuses is THE table of codes; a code it lacks is a 500. A status of 500 and more says that the platform fails, and
// the alarm ServerErrors counts those: what an agent or a receiver does wrong has none.
var statuses = map[fault.Code]int{
	fault.InvalidRequest:          http.StatusBadRequest,
	fault.InvalidJSON:             http.StatusBadRequest,
	fault.InvalidWorkspaceID:      http.StatusBadRequest,
	fault.URLForbidden:            http.StatusBadRequest,
	fault.AuthorizationMalformed:  http.StatusUnauthorized,
	fault.CredentialMissing:       http.StatusUnauthorized,
	fault.CredentialUnknown:       http.StatusUnauthorized,
	fault.CallerCredentialUnknown: http.StatusUnauthorized,
	fault.EnrolmentUnknown:        http.StatusUnauthorized,
	fault.CredentialExpired:       http.StatusUnauthorized,
	fault.CredentialOfAnother:     http.StatusForbidden,
	fault.OperatorOnly:            http.StatusForbidden,
	fault.ScopeTooSmall:           http.StatusForbidden,
	fault.OtherTeam:               http.StatusForbidden,
	fault.CallerMismatch:          http.StatusForbidden,
	fault.WorkspaceUnknown:        http.StatusNotFound,
	fault.MessageUnknown:          http.StatusNotFound,
	fault.TokenUnknown:            http.StatusNotFound,
	fault.EnrolmentAbsent:         http.StatusNotFound,
	fault.WebhookUnknown:          http.StatusNotFound,
	fault.UnknownRoute:            http.StatusNotFound,
	fault.NotServed:               http.StatusNotFound,
	fault.MethodNotAllowed:        http.StatusMethodNotAllowed,
	fault.WorkspaceExists:         http.StatusConflict,
	fault.EpochSuperseded:         http.StatusConflict,
	fault.EpochUnknown:            http.StatusConflict,
	fault.WebhookExists:           http.StatusConflict,
	fault.MessageIDTaken:          http.StatusConflict,
	fault.MessageAlreadyTerminal:  http.StatusConflict,
	fault.MessageNotDead:          http.StatusConflict,
	fault.NotPushed:               http.StatusConflict,
	fault.AgentUnreachable:        http.StatusConflict,
	fault.WebhookFailed:           http.StatusConflict,
	fault.CredentialInUse:         http.StatusConflict,
	fault.CredentialPending:       http.StatusConflict,
	fault.RepairAddressUnknown:    http.StatusConflict,
	fault.WorkspaceRemoved:        http.StatusGone,
	fault.CursorGone:              http.StatusGone,
	fault.TooLarge:                http.StatusRequestEntityTooLarge,
	fault.UnsupportedType:         http.StatusUnsupportedMediaType,
	fault.InboxFull:               http.StatusTooManyRequests,
	fault.TooManyWaits:            http.StatusTooManyRequests,
	fault.Conflict:                http.StatusTooManyRequests,
	fault.OperatorFirst:           http.StatusTooManyRequests,
	fault.PlatformUnavailable:     http.StatusServiceUnavailable,
	fault.Internal:                http.StatusInternalServerError,
}

// CodesOf are the codes of the errors that come with a status.
func CodesOf(status int) []fault.Code {
	var out []fault.Code
	for code, s := range statuses {
		if s == status {
			out = append(out, code)
		}
	}
	return out
}
