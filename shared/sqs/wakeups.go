package sqs

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/webhook"
)

// Wakeup is the body of a wake-up.
type Wakeup struct {
	Workspace string `json:"workspace_id"`
	Cause     string `json:"cause"`
	Slow      bool   `json:"slow,omitempty"`      // it is for the slow lane
	Callbacks bool   `json:"callbacks,omitempty"` // it is for the lane of callbacks
	Webhooks  bool   `json:"webhooks,omitempty"`  // it is for no workspace: webhooks have something to be told
}

// Wakeups wakes dispatch through its queues, of which each lane has its own: what waits in one lane delays nobody in
// another. Webhooks are told in the lane of callbacks: neither is an agent.
type Wakeups struct {
	SQS          API
	URL          string
	SlowURL      string
	CallbacksURL string
	Traced       bool // each wake-up carries the trace of the call that sends it
}

// url is the queue of the lane that a wake-up is for.
func (w *Wakeups) url(of Wakeup) string {
	switch {
	case of.Slow:
		return w.SlowURL
	case of.Callbacks, of.Webhooks:
		return w.CallbacksURL
	}
	return w.URL
}

var (
	_ registry.Wakeups = (*Wakeups)(nil)
	_ webhook.Bell     = (*Wakeups)(nil)
)

// MaxDelay is the longest SQS delays a message.
const MaxDelay = 15 * time.Minute

// A wake-up whose drain failed comes back after postponeBase, and after twice as
// long each time it failed again, up to postponeMax.
const (
	postponeBase = 5 * time.Second
	postponeMax  = time.Minute
)

// Postpone lets a received wake-up be received again soon, and not only when its
// visibility timeout has ended, which is that of a drain that died. receives is how
// often it was received.
func (w *Wakeups) Postpone(ctx context.Context, received Wakeup, receipt string, receives int) error {
	after := min(postponeBase<<min(max(receives-1, 0), 8), postponeMax)
	_, err := w.SQS.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: aws.String(w.url(received)), ReceiptHandle: &receipt, VisibilityTimeout: seconds(after),
	})
	if err != nil {
		return fault.Store("postpone wake-up", err)
	}
	return nil
}

// Send implements registry.Wakeups. A longer delay than MaxDelay becomes that.
func (w *Wakeups) Send(ctx context.Context, id, cause string, after time.Duration) error {
	return w.send(ctx, Wakeup{Workspace: id, Cause: cause}, seconds(min(max(after, 0), MaxDelay)))
}

// SendSlow implements registry.Wakeups.
func (w *Wakeups) SendSlow(ctx context.Context, id, cause string) error {
	return w.send(ctx, Wakeup{Workspace: id, Cause: cause, Slow: true}, 0)
}

// SendCallbacks implements registry.Wakeups.
func (w *Wakeups) SendCallbacks(ctx context.Context, id, cause string) error {
	return w.send(ctx, Wakeup{Workspace: id, Cause: cause, Callbacks: true}, 0)
}

// RingWebhooks implements webhook.Bell.
func (w *Wakeups) RingWebhooks(ctx context.Context, after time.Duration) error {
	return w.send(ctx, Wakeup{Cause: "webhooks", Webhooks: true}, seconds(min(max(after, 0), MaxDelay)))
}

func (w *Wakeups) send(ctx context.Context, wakeup Wakeup, delay int32) error {
	body, err := json.Marshal(wakeup)
	if err != nil {
		return err
	}
	in := &sqs.SendMessageInput{
		QueueUrl: aws.String(w.url(wakeup)), MessageBody: aws.String(string(body)), DelaySeconds: delay,
	}
	if w.Traced {
		in.MessageAttributes = trace(ctx)
	}
	_, err = w.SQS.SendMessage(ctx, in)
	if err != nil {
		return fault.Store("send wake-up", err)
	}
	return nil
}
