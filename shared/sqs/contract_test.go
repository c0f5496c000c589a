package sqs

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/proof/emulatortest"
	"github.com/rollcall/rollcall/shared/proof/storetest"
)

func TestChatQueuesKeepTheContract(t *testing.T) {
	storetest.Queues(t, newChatQueues(t), time.Sleep)
}

// newChatQueues are chat queues beside a dead-letter queue as the stack makes it.
func newChatQueues(t *testing.T) *ChatQueues {
	t.Helper()
	client := sqs.NewFromConfig(emulatortest.Config(t))
	dead, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName:  aws.String("rollcall-dead-letters.fifo"),
		Attributes: map[string]string{string(types.QueueAttributeNameFifoQueue): "true"},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: dead.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &ChatQueues{
		SQS: client, Clock: clock.System{}, Prefix: "rollcall-chat-", SliceSize: 4, DeadLetterURL: *dead.QueueUrl,
		DeadLetterARN: out.Attributes[string(types.QueueAttributeNameQueueArn)],
	}
}

func TestWakeupsAreSentWithTheirDelay(t *testing.T) {
	client := sqs.NewFromConfig(emulatortest.Config(t))
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("wakeups")})
	if err != nil {
		t.Fatal(err)
	}
	wakeups := &Wakeups{SQS: client, URL: *made.QueueUrl}
	receive := func(wait int32) []string {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: made.QueueUrl, WaitTimeSeconds: wait, MaxNumberOfMessages: 10,
		})
		if err != nil {
			t.Fatal(err)
		}
		var bodies []string
		for _, m := range out.Messages {
			bodies = append(bodies, *m.Body)
		}
		return bodies
	}
	for cause, after := range map[string]time.Duration{
		"now": 0, "past": -time.Hour, "soon": time.Millisecond, "late": 24 * time.Hour,
	} {
		if err := wakeups.Send(t.Context(), "w", cause, after); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{`{"workspace_id":"w","cause":"now"}`, `{"workspace_id":"w","cause":"past"}`}
	if got := receive(0); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	slow := &Wakeups{SQS: client, SlowURL: *made.QueueUrl}
	if err := slow.SendSlow(t.Context(), "w", "slow"); err != nil {
		t.Fatal(err)
	}
	if got := receive(0); !slices.Equal(got, []string{`{"workspace_id":"w","cause":"slow","slow":true}`}) {
		t.Fatalf("got %v", got)
	}
	callbacks := &Wakeups{SQS: client, CallbacksURL: *made.QueueUrl}
	if err := errors.Join(
		callbacks.SendCallbacks(t.Context(), "w", "outbox"), callbacks.RingWebhooks(t.Context(), 0),
	); err != nil {
		t.Fatal(err)
	}
	want = []string{
		`{"workspace_id":"","cause":"webhooks","webhooks":true}`, `{"workspace_id":"w","cause":"outbox","callbacks":true}`,
	}
	if got := receive(0); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if got := receive(3); len(got) != 1 || got[0] != `{"workspace_id":"w","cause":"soon"}` {
		t.Fatalf("got %v", got) // a part of a second counts as one
	}
}
