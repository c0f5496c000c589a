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
	"github.com/rollcall/rollcall/shared/workspace"
)

// typeDelegation is the activity type of what an agent says of tasks that it gave
// to others itself; maxDelegationID bounds its own names of them, and errorLen is how
// much of an error stands beside the body that has it whole, in bytes.
const (
	typeDelegation  = "delegation"
	maxDelegationID = 128
	errorLen        = 1000
)

// delegationLog logs what agents say of tasks that they gave to others without
// Rollcall. Nothing follows from it: a delegation that Rollcall carries has its state
// from its message.
type delegationLog struct {
	log activity.Log
}

// record logs that a task was given.
func (d delegationLog) record(
	ctx context.Context, c httpapi.Call, in api.RecordDelegationRequest,
) (api.DelegationRecorded, error) {
	if !isDelegationID(in.DelegationID) {
		return api.DelegationRecorded{}, wrongDelegationID()
	}
	if err := workspace.CheckNamed("target_id", in.TargetID); err != nil {
		return api.DelegationRecorded{}, err
	}
	row := activity.Row{
		Method: "delegate", TargetID: in.TargetID, Summary: "delegated: " + chat.Clip(in.Task, summaryLen),
		Status: "dispatched",
	}
	return d.add(ctx, c, in.ID, row, api.DelegationRecorded{DelegationID: in.DelegationID, Status: "recorded"})
}

// update logs how it ended.
func (d delegationLog) update(
	ctx context.Context, c httpapi.Call, in api.UpdateDelegationRequest,
) (api.DelegationRecorded, error) {
	if in.Status != "completed" && in.Status != "failed" {
		return api.DelegationRecorded{}, fault.New(fault.InvalidRequest, "status must be completed or failed")
	}
	if !isDelegationID(in.DelegationID) {
		return api.DelegationRecorded{}, wrongDelegationID()
	}
	row := activity.Row{
		Method: "delegate_result", Status: in.Status, ErrorDetail: chat.Clip(in.Error, errorLen),
		Summary: "delegation " + in.Status + ": " + chat.Clip(in.ResponsePreview+in.Error, summaryLen),
	}
	return d.add(ctx, c, in.ID, row, api.DelegationRecorded{DelegationID: in.DelegationID, Status: in.Status})
}

func wrongDelegationID() error {
	return fault.New(fault.InvalidRequest, "delegation_id must be a text of 1 to %d bytes", maxDelegationID)
}

func isDelegationID(id string) bool { return id != "" && len(id) <= maxDelegationID }

// add completes a row with who said it and its body as it came, and logs it. What
// the answer names stands in the row too.
func (d delegationLog) add(
	ctx context.Context, c httpapi.Call, id string, row activity.Row, out api.DelegationRecorded,
) (api.DelegationRecorded, error) {
	body, err := c.Raw()
	if err != nil {
		return api.DelegationRecorded{}, err
	}
	named, err := json.Marshal(map[string]string{"delegation_id": out.DelegationID})
	if err != nil {
		return api.DelegationRecorded{}, err
	}
	row.ID, row.Workspace, row.Life, row.Type, row.SourceID = uuid.NewString(), id, c.Caller.Lives, typeDelegation, id
	row.Request, row.Response, row.At = body, named, c.Now
	return out, d.log.AddRow(ctx, row)
}
