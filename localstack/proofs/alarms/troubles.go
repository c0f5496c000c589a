package alarms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/platform/wire"
	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/dynamo"
)

// Trouble is a layer of the wire that makes calls of the functions fail.
type Trouble struct {
	mu    sync.Mutex
	fails func(wire.Call) bool
	with  wire.Answer
}

// Layer is the wire.Layer.
func (t *Trouble) Layer(_ context.Context, c wire.Call, next wire.Forward) wire.Answer {
	t.mu.Lock()
	fails, with := t.fails, t.with
	t.mu.Unlock()
	if fails != nil && fails(c) {
		return with
	}
	return next(c)
}

// set makes the calls fail that are chosen; nil ends it.
func (t *Trouble) set(with wire.Answer, fails func(wire.Call) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fails, t.with = fails, with
}

// broken is the answer of a service that fails.
var broken = wire.Fault(http.StatusInternalServerError, "InternalServerError", "provoked")

// trouble provokes an alarm. make returns when the trouble has been, with the workspace
// that has it; mend ends it.
type trouble struct {
	alarm, what string
	make        func(*run, context.Context) (workspace string, err error)
	mend        func(*run, context.Context) error
}

// troubles are in the order in which they are made: the clock jumps once, in the end.
var troubles = []trouble{
	{"MessagesDead", "an agent refuses a message", (*run).refusedMessage, (*run).nothing},
	{"DrainsFailed", "drains can't reach the store", (*run).failedDrain, (*run).healed},
	{"WakeupsOld", "nothing takes wake-ups", (*run).oldWakeup, (*run).takesWakeups},
	{"CountersMended", "a mailbox's counters are wrong", (*run).wrongCounters, (*run).nothing},
	{"SweepErrors", "changes can't be announced", (*run).sweepWithErrors, (*run).healed},
	{"CredentialsRefused", "an agent has lost its credential", (*run).lostCredential, (*run).nothing},
	{"PeopleRefused", "somebody tries a credential", (*run).strangeCredential, (*run).nothing},
	{"ServerErrors", "the store fails", (*run).serverErrors, (*run).healed},
	{"StoreThrottled", "the store throttles each call", (*run).throttledStore, (*run).healed},
	{"FunctionErrors", "a setting is wrong", (*run).wrongSetting, (*run).rightSetting},
	{"Canary", "a setting of a new version is wrong", (*run).wrongSetting, (*run).rightSetting},
	{"FunctionThrottles", "no concurrency is left", (*run).noConcurrency, (*run).concurrency},
	{"SweeperSilent", "the sweeper can't read the fleet, and then it can", (*run).silentSweeper, (*run).healed},
	{"DeliverySlow", "a message waits for five minutes", (*run).slowDelivery, (*run).rightClock},
	{"SweepBehind", "nobody sweeps for five minutes", (*run).lateSweep, (*run).rightClock},
}

func (r *run) nothing(context.Context) error { return nil }

func (r *run) healed(context.Context) error {
	r.set(wire.Answer{}, nil)
	return nil
}

// must makes a call that has to be answered with that status.
func (r *run) must(ctx context.Context, status int, method, path, token string, body any) (client.Reply, error) {
	got, err := r.Do(ctx, method, path, token, body)
	if err == nil && got.Status != status {
		err = fmt.Errorf("%s %s answers %d, not %d: %.300s", method, path, got.Status, status, got.Raw)
	}
	return got, err
}

// workspace is a new one with an agent that registers at that URL, or polls without one.
func (r *run) workspace(ctx context.Context, url string) (id, token string, err error) {
	id = uuid.NewString()
	body := map[string]any{"id": id, "url": url}
	if url == "" {
		body = map[string]any{"id": id, "delivery_mode": "poll"}
	}
	got, err := r.must(ctx, http.StatusOK, "POST", "/registry/register", "", body)
	return id, got.Text("auth_token"), err
}

// send sends a message to a workspace.
func (r *run) send(ctx context.Context, id string) (message string, err error) {
	message = uuid.NewString()
	r.message = message
	got, err := r.Do(ctx, "POST", "/workspaces/"+id+"/a2a", "", client.Message(message, "x"))
	if err == nil && got.Status >= http.StatusMultipleChoices {
		err = fmt.Errorf("sending answers %d: %.300s", got.Status, got.Raw)
	}
	return message, err
}

// becomes waits until a message has that state.
func (r *run) becomes(ctx context.Context, id, message, state string) error {
	return client.Until(ctx, 3*time.Minute, func() error {
		got, err := r.must(ctx, http.StatusOK, "GET", "/workspaces/"+id+"/messages/"+message, r.OperatorToken, nil)
		if err == nil && got.Text("state") != state {
			err = fmt.Errorf("the message is %s, not %s", got.Text("state"), state)
		}
		return err
	})
}

// answering is an agent that answers every message with that status.
func answering(status int) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"jsonrpc":"2.0","id":"1","result":{}}`)) // a caller that is gone needs no answer
	}))
}

// refusedMessage is a message that its agent can't take.
func (r *run) refusedMessage(ctx context.Context) (string, error) {
	agent := answering(http.StatusUnprocessableEntity)
	defer agent.Close()
	id, _, err := r.workspace(ctx, agent.URL)
	if err != nil {
		return id, err
	}
	message, err := r.send(ctx, id)
	if err != nil {
		return id, err
	}
	return id, r.becomes(ctx, id, message, "dead")
}

// failedDrain is a drain whose store fails.
func (r *run) failedDrain(ctx context.Context) (string, error) {
	agent := answering(http.StatusOK)
	defer agent.Close()
	id, _, err := r.workspace(ctx, agent.URL)
	if err != nil {
		return id, err
	}
	r.set(broken, func(c wire.Call) bool { return c.Function == "rollcall-dispatch" && c.Service == "DynamoDB" })
	message, err := r.send(ctx, id)
	if err != nil {
		return id, err
	}
	if err := r.seen(ctx, trouble{alarm: "DrainsFailed"}); err != nil {
		return id, err
	}
	return id, errors.Join(r.healed(ctx), r.becomes(ctx, id, message, "delivered"))
}

func (r *run) lambda() *lambda.Client {
	return lambda.NewFromConfig(emulator.Client(r.Emulator.Endpoint))
}

// mappings switches on or off what takes wake-ups.
func (r *run) mappings(ctx context.Context, on bool) error {
	all, err := r.lambda().ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{})
	if err != nil {
		return err
	}
	for _, m := range all.EventSourceMappings {
		_, err := r.lambda().UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: m.UUID, Enabled: &on})
		if err != nil {
			return err
		}
	}
	return nil
}

// oldWakeup is a wake-up that stays in the queue that the alarm looks at.
func (r *run) oldWakeup(ctx context.Context) (string, error) {
	if err := r.mappings(ctx, false); err != nil {
		return "", err
	}
	id, _, err := r.workspace(ctx, "http://127.0.0.1:1")
	if err == nil {
		_, err = r.send(ctx, id)
	}
	if err != nil {
		return id, err
	}
	queue := r.Deployment.Env["rollcall-dispatch"]["ROLLCALL_WAKEUPS_URL"]
	queues := sqs.NewFromConfig(emulator.Client(r.Emulator.Endpoint))
	return id, client.Until(ctx, patience, func() error {
		got, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl:       &queue,
			AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessages},
		})
		if err == nil && got.Attributes["ApproximateNumberOfMessages"] == "0" {
			err = errors.New("no wake-up waits")
		}
		return err
	})
}

func (r *run) takesWakeups(ctx context.Context) error { return r.mappings(ctx, true) }

// wrongCounters counts a delivery that never was.
func (r *run) wrongCounters(ctx context.Context) (string, error) {
	id, _, err := r.workspace(ctx, "")
	if err != nil {
		return id, err
	}
	store := dynamodb.NewFromConfig(emulator.Client(r.Emulator.Endpoint))
	_, err = store.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                aws.String(r.Deployment.Env["rollcall-dispatch"]["ROLLCALL_LEASES_TABLE"]),
		Key:                      map[string]dynamotypes.AttributeValue{"id": &dynamotypes.AttributeValueMemberS{Value: id}},
		UpdateExpression:         aws.String("ADD #delivered :one"),
		ExpressionAttributeNames: map[string]string{"#delivered": dynamo.LeaseAttribute("Delivered")},
		ExpressionAttributeValues: map[string]dynamotypes.AttributeValue{
			":one": &dynamotypes.AttributeValueMemberN{Value: "1"},
		},
	})
	if err != nil {
		return id, err
	}
	return id, r.Sweep(ctx)
}

// sweepWithErrors is a sweep that can't announce what it finds.
func (r *run) sweepWithErrors(ctx context.Context) (string, error) {
	id := uuid.NewString()
	_, err := r.must(ctx, http.StatusCreated, "POST", "/workspaces", r.OperatorToken, map[string]any{"id": id})
	if err != nil {
		return id, err
	}
	r.set(broken, func(c wire.Call) bool { return c.Function == "rollcall-sweeper" && c.Service == "AWSEvents" })
	return id, r.Sweep(ctx)
}

func (r *run) lostCredential(ctx context.Context) (string, error) {
	id, _, err := r.workspace(ctx, "")
	if err == nil {
		beat := map[string]any{"workspace_id": id}
		_, err = r.must(ctx, http.StatusUnauthorized, "POST", "/registry/heartbeat", "lost", beat)
	}
	return id, err
}

func (r *run) strangeCredential(ctx context.Context) (string, error) {
	_, err := r.must(ctx, http.StatusUnauthorized, "GET", "/tokens", "guessed", nil)
	return "", err
}

// unavailable is a call while the store fails in that way: the promised 503, and then it
// serves again.
func (r *run) unavailable(ctx context.Context, with wire.Answer) (string, error) {
	id, token, err := r.workspace(ctx, "")
	if err != nil {
		return id, err
	}
	r.set(with, func(c wire.Call) bool { return c.Service == "DynamoDB" })
	beat := map[string]any{"workspace_id": id}
	got, err := r.must(ctx, http.StatusServiceUnavailable, "POST", "/registry/heartbeat", token, beat)
	if err == nil && got.Header.Get("Retry-After") == "" {
		err = errors.New("the 503 has no Retry-After")
	}
	if err != nil {
		return id, err
	}
	r.set(wire.Answer{}, nil)
	_, err = r.must(ctx, http.StatusOK, "POST", "/registry/heartbeat", token, beat)
	return id, err
}

func (r *run) serverErrors(ctx context.Context) (string, error) { return r.unavailable(ctx, broken) }

func (r *run) throttledStore(ctx context.Context) (string, error) {
	return r.unavailable(ctx, wire.Fault(http.StatusBadRequest,
		"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "provoked"))
}

// setVariables sets variables of the status function.
func (r *run) setVariables(ctx context.Context, more map[string]string) error {
	variables := maps.Clone(r.Deployment.Env["rollcall-status"])
	maps.Copy(variables, more)
	name := r.Deployment.Functions["rollcall-status"]
	_, err := r.lambda().UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &name, Environment: &types.Environment{Variables: variables},
	})
	if err != nil {
		return err
	}
	updated := lambda.NewFunctionUpdatedV2Waiter(r.lambda())
	return updated.Wait(ctx, &lambda.GetFunctionInput{FunctionName: &name}, time.Minute)
}

func (r *run) invokeStatus(ctx context.Context) (*lambda.InvokeOutput, error) {
	name := r.Deployment.Functions["rollcall-status"]
	return r.lambda().Invoke(ctx, &lambda.InvokeInput{FunctionName: &name, Payload: []byte(`{}`)})
}

// wrongSetting is a function that can't start: its call ends in an error of Lambda's.
func (r *run) wrongSetting(ctx context.Context) (string, error) {
	if err := r.setVariables(ctx, map[string]string{"ROLLCALL_LEASE_TTL": "soon"}); err != nil {
		return "", err
	}
	out, err := r.invokeStatus(ctx)
	if err == nil && out.FunctionError == nil {
		err = fmt.Errorf("a function with a wrong setting answers %s", out.Payload)
	}
	return "", err
}

func (r *run) rightSetting(ctx context.Context) error { return r.setVariables(ctx, nil) }

// noConcurrency is a function that may not run.
func (r *run) noConcurrency(ctx context.Context) (string, error) {
	name := r.Deployment.Functions["rollcall-status"]
	_, err := r.lambda().PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{
		FunctionName: &name, ReservedConcurrentExecutions: aws.Int32(0),
	})
	if err != nil {
		return "", err
	}
	_, err = r.invokeStatus(ctx)
	if _, throttled := errors.AsType[*types.TooManyRequestsException](err); throttled {
		return "", nil
	}
	return "", fmt.Errorf("a function without concurrency: %w", err)
}

func (r *run) concurrency(ctx context.Context) error {
	name := r.Deployment.Functions["rollcall-status"]
	_, err := r.lambda().DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: &name})
	return err
}

// silentSweeper is a sweeper that can't read the fleet: it writes no SweepDuration. It
// does again when it can.
func (r *run) silentSweeper(ctx context.Context) (string, error) {
	r.set(broken, func(c wire.Call) bool { return c.Function == "rollcall-sweeper" && c.Operation == "Scan" })
	if err := r.Sweep(ctx); err == nil {
		return "", errors.New("a sweep that can't read the fleet does not fail")
	}
	for _, a := range r.family("SweeperSilent") {
		if r.written(ctx, a, a.reads[0]) == nil {
			return "", errors.New("a sweep that failed counts as one that ended")
		}
	}
	r.set(wire.Answer{}, nil)
	return "", r.Sweep(ctx)
}

// jump is how far the clock jumps: beyond the bound of each alarm on an age.
const jump = 5 * time.Minute

// slowDelivery is a message that is taken five minutes after it was accepted.
func (r *run) slowDelivery(ctx context.Context) (string, error) {
	id, token, err := r.workspace(ctx, "")
	if err != nil {
		return id, err
	}
	if _, err := r.send(ctx, id); err != nil {
		return id, err
	}
	if err := r.SetClock(ctx, jump); err != nil {
		return id, err
	}
	got, err := r.must(ctx, http.StatusOK, "GET", "/workspaces/"+id+"/activity?type=a2a_receive", token, nil)
	if err != nil {
		return id, err
	}
	row, err := firstRow(got.Raw)
	if err != nil {
		return id, err
	}
	_, err = r.must(ctx, http.StatusOK, "GET", "/workspaces/"+id+"/activity?type=a2a_receive&since_id="+row, token, nil)
	return id, err
}

// firstRow is the id of the first row of a poll, which is the cursor that acknowledges it.
func firstRow(poll []byte) (string, error) {
	var rows []struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(poll, &rows); err != nil || len(rows) == 0 {
		return "", fmt.Errorf("a poll hands out nothing: %s, %w", poll, err)
	}
	return rows[0].ID, nil
}

// lateSweep is a sweep five minutes after the last one.
func (r *run) lateSweep(ctx context.Context) (string, error) {
	if err := r.Sweep(ctx); err != nil {
		return "", err
	}
	if err := r.SetClock(ctx, jump); err != nil {
		return "", err
	}
	return "", r.Sweep(ctx)
}

func (r *run) rightClock(ctx context.Context) error { return r.SetClock(ctx, 0) }
