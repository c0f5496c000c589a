package sqs

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
)

// slow is an SQS that keeps its rule about new queues to the letter, which no
// emulator does: a queue takes nothing and gives nothing for a while after it was
// created.
type slow struct {
	API
	clock.Clock
	now, ready time.Time
	takes      time.Duration // how long a queue takes to be there
	sent       []types.SendMessageBatchRequestEntry
	creates    int
}

// Now and Sleep make slow a clock too.
func (s *slow) Now() time.Time { return s.now }

func (s *slow) Sleep(_ context.Context, d time.Duration) error {
	s.now = s.now.Add(d)
	return nil
}

func (s *slow) missing() error {
	if s.creates == 0 || s.now.Before(s.ready) {
		return &types.QueueDoesNotExist{}
	}
	return nil
}

func (s *slow) GetQueueUrl( //nolint:revive,staticcheck // the SDK names it so
	context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options),
) (*sqs.GetQueueUrlOutput, error) {
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String("http://queue")}, s.missing()
}

func (s *slow) CreateQueue(
	context.Context, *sqs.CreateQueueInput, ...func(*sqs.Options),
) (*sqs.CreateQueueOutput, error) {
	if s.creates++; s.creates == 1 { // to create what exists changes nothing
		s.ready = s.now.Add(s.takes)
	}
	return &sqs.CreateQueueOutput{QueueUrl: aws.String("http://queue")}, nil
}

func (s *slow) SendMessageBatch(
	_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options),
) (*sqs.SendMessageBatchOutput, error) {
	if err := s.missing(); err != nil {
		return nil, err
	}
	s.sent = append(s.sent, in.Entries...)
	return &sqs.SendMessageBatchOutput{}, nil
}

func (s *slow) ReceiveMessage(
	context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options),
) (*sqs.ReceiveMessageOutput, error) {
	if err := s.missing(); err != nil {
		return nil, err
	}
	return &sqs.ReceiveMessageOutput{Messages: []types.Message{{
		ReceiptHandle: aws.String("r"), Body: s.sent[0].MessageBody,
	}}}, nil
}

// The first push to a workspace survives a queue that is not there yet.
func TestANewQueueIsWaitedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &slow{takes: time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms until it is there")) * time.Millisecond}
		c, to := &ChatQueues{SQS: s, Clock: s}, theQueue
		begin := s.now
		err := c.Send(t.Context(), to, 1, []delivery.Ticket{{MessageID: "m"}})
		if waited := s.now.Sub(begin); waited > newQueueTakes {
			t.Fatalf("a drain is held up for %v", waited)
		}
		if s.takes > newQueueTakes {
			if fault.CodeOf(err) != fault.PlatformUnavailable || len(s.sent) > 0 {
				t.Fatalf("%v, %d sent", err, len(s.sent))
			}
			return
		}
		if err != nil || len(s.sent) != 1 {
			t.Fatalf("%v, %d sent", err, len(s.sent))
		}
		got, err := c.Receive(t.Context(), to, time.Minute, time.Second)
		if err != nil || got == nil || got.MessageID != "m" {
			t.Fatal(got, err)
		}
	})
}

// Whoever looks without having sent does not wait for a queue that is not there.
func TestAReceiveThatDoesNotWaitEndsAtOnce(t *testing.T) {
	s := &slow{}
	c := &ChatQueues{SQS: s, Clock: s}
	if got, err := c.Receive(t.Context(), theQueue, time.Minute, 0); got != nil || err != nil {
		t.Fatal(got, err)
	}
	if waited := s.now.Sub(time.Time{}); waited != 0 {
		t.Errorf("it waited %v", waited)
	}
}

// postponed keeps what visibility a wake-up was given.
type postponed struct {
	API
	in *sqs.ChangeMessageVisibilityInput
}

func (p *postponed) ChangeMessageVisibility(
	_ context.Context, in *sqs.ChangeMessageVisibilityInput, _ ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityOutput, error) {
	p.in = in
	return &sqs.ChangeMessageVisibilityOutput{}, nil
}

func TestAFailedWakeupComesBackInSeconds(t *testing.T) {
	for receives, want := range map[int]int32{0: 5, 1: 5, 2: 10, 3: 20, 4: 40, 5: 60, 100: 60} {
		p := &postponed{}
		w := &Wakeups{SQS: p, URL: "http://wakeups"}
		if err := w.Postpone(t.Context(), Wakeup{}, fmt.Sprint("r", receives), receives); err != nil {
			t.Fatal(err)
		}
		if p.in.VisibilityTimeout != want || *p.in.ReceiptHandle != fmt.Sprint("r", receives) || *p.in.QueueUrl != w.URL {
			t.Errorf("after %d receives: %+v, not %d s", receives, p.in, want)
		}
	}
}

// A wake-up comes back in the lane that it is for.
func TestAWakeupComesBackInItsLane(t *testing.T) {
	for want, received := range map[string]Wakeup{
		"quick": {}, "slow": {Slow: true}, "callbacks": {Callbacks: true}, "callbacks ": {Webhooks: true},
	} {
		p := &postponed{}
		w := &Wakeups{SQS: p, URL: "quick", SlowURL: "slow", CallbacksURL: "callbacks"}
		if err := w.Postpone(t.Context(), received, "r", 1); err != nil {
			t.Fatal(err)
		}
		if *p.in.QueueUrl != strings.TrimSpace(want) {
			t.Errorf("%+v: %s", received, *p.in.QueueUrl)
		}
	}
}
