package main

import (
	"cmp"
	"context"
	"regexp"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
)

var typePattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// maxType bounds the type of an activity, in bytes.
const maxType = 64

// report logs what an agent says of its own work. It is never mail: a row that
// an agent reports as received is not handed out to it.
func report(
	log activity.Log,
) func(context.Context, httpapi.Call, api.ReportRequest) (api.Reported, error) {
	return func(ctx context.Context, c httpapi.Call, in api.ReportRequest) (api.Reported, error) {
		if len(in.Type) > maxType || !typePattern.MatchString(in.Type) || (activity.Row{Type: in.Type}).InAuditTrail() {
			return api.Reported{}, fault.New(fault.InvalidRequest,
				"activity_type must be lower-case letters, digits and '_', and neither audit nor status")
		}
		if in.SourceID != "" && in.SourceID != in.ID {
			return api.Reported{}, fault.New(fault.CallerMismatch, "a workspace reports only what it did itself").
				WithHint("send its own id as source_id, or none", "stop")
		}
		row := activity.Row{
			ID: uuid.NewString(), Workspace: in.ID, Life: c.Caller.Lives, Type: in.Type, Method: in.Method,
			SourceID: in.SourceID, TargetID: in.TargetID, Summary: in.Summary, Status: cmp.Or(in.Status, "ok"),
			ErrorDetail: in.ErrorDetail, DurationMS: in.DurationMS, Request: in.Request, Response: in.Response, At: c.Now,
		}
		return api.Reported{Status: "logged", ID: row.ID}, log.AddRow(ctx, row)
	}
}
