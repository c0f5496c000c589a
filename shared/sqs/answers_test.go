package sqs

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// answers is SQS where it answers as the emulators never do.
type answers struct {
	API
	create, send, settle error
	list                 error // of a list that goes on from a cursor
	created              int
}

func (a *answers) GetQueueUrl( //nolint:revive,staticcheck // the SDK names it so
	context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options),
) (*sqs.GetQueueUrlOutput, error) {
	if a.created == 0 && a.create != nil {
		return nil, &types.QueueDoesNotExist{}
	}
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String("http://queue")}, nil
}

func (a *answers) CreateQueue(
	context.Context, *sqs.CreateQueueInput, ...func(*sqs.Options),
) (*sqs.CreateQueueOutput, error) {
	a.created++
	return nil, a.create
}

func (a *answers) SendMessageBatch(
	context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options),
) (*sqs.SendMessageBatchOutput, error) {
	return &sqs.SendMessageBatchOutput{}, a.send
}

func (a *answers) DeleteMessage(
	context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options),
) (*sqs.DeleteMessageOutput, error) {
	return nil, a.settle
}

func (a *answers) ChangeMessageVisibility(
	context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityOutput, error) {
	return nil, a.settle
}

func (a *answers) ListQueues(
	_ context.Context, in *sqs.ListQueuesInput, _ ...func(*sqs.Options),
) (*sqs.ListQueuesOutput, error) {
	if in.NextToken != nil {
		return nil, a.list
	}
	return &sqs.ListQueuesOutput{QueueUrls: []string{"http://queue/w-g0.fifo"}}, nil
}

// A list begins again when its cursor is refused. It goes on from there when SQS
// has a fault.
func TestACursorThatIsRefusedIsTheStart(t *testing.T) {
	for _, at := range []struct {
		err    error
		starts bool
	}{
		{&smithy.GenericAPIError{Code: "InvalidParameterValue"}, true},
		{&smithy.GenericAPIError{Code: "RequestThrottled"}, false},
		{&smithy.GenericAPIError{Code: "Other", Fault: smithy.FaultServer}, false},
		{errors.New("no answer"), false},
	} {
		c := &ChatQueues{SQS: &answers{list: at.err}}
		names, _, err := c.List(t.Context(), "cursor")
		if starts := err == nil && len(names) == 1; starts != at.starts {
			t.Errorf("%v: %v, %v", at.err, names, err)
		}
	}
}

var theQueue = delivery.ChatQueue{Life: workspace.Life{Workspace: "w"}}

func TestTheNameOfAQueueThatWasDeletedRecently(t *testing.T) {
	c := &ChatQueues{SQS: &answers{create: &types.QueueDeletedRecently{}}}
	err := c.Send(t.Context(), theQueue, 1, []delivery.Ticket{{MessageID: "m"}})
	if !errors.Is(err, delivery.ErrQueueDeletedRecently) {
		t.Fatal(err)
	}
}

func TestOnlyAReceiptThatIsPastIsNoError(t *testing.T) {
	to, ticket := theQueue, delivery.ReceivedTicket{Receipt: "r"}
	for code, want := range map[string]fault.Code{
		"ReceiptHandleIsInvalid": "", "InvalidParameterValue": "", "MessageNotInflight": "",
		"AccessDenied": fault.PlatformUnavailable, "InternalError": fault.PlatformUnavailable,
	} {
		c := &ChatQueues{SQS: &answers{settle: &smithy.GenericAPIError{Code: code}}}
		if err := c.Delete(t.Context(), to, ticket); fault.CodeOf(err) != want {
			t.Errorf("delete after %s: %v", code, err)
		}
		if err := c.Release(t.Context(), to, ticket); fault.CodeOf(err) != want {
			t.Errorf("release after %s: %v", code, err)
		}
	}
}
