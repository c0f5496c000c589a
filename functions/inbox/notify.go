package main

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// summaryLen is how much of a text stands in its row's summary, in bytes.
const summaryLen = 200

// notify logs what an agent says to its user, its body as it came. It stands in
// the log as "notify", never as received: a client that can't tell the two would
// answer itself (wire contract, section 6, point 5).
func notify(
	log activity.Log,
) func(context.Context, httpapi.Call, api.NotifyRequest) (api.Notified, error) {
	return func(ctx context.Context, c httpapi.Call, in api.NotifyRequest) (api.Notified, error) {
		var files []map[string]json.RawMessage
		if len(in.Attachments) > 0 && json.Unmarshal(in.Attachments, &files) != nil {
			return api.Notified{}, fault.New(fault.InvalidRequest, "attachments must be an array of objects")
		}
		body, err := c.Raw()
		if err != nil {
			return api.Notified{}, err
		}
		row := activity.Row{
			ID: uuid.NewString(), Workspace: in.ID, Life: c.Caller.Lives, Type: typeNotify, Method: typeNotify,
			Summary: chat.Clip(in.Message, summaryLen), Status: "ok", Request: body, At: c.Now,
		}
		return api.Notified{Status: "sent", ID: row.ID}, log.AddRow(ctx, row)
	}
}
