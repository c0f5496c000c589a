// Package queue keeps the chat queues and the wake-ups on SQS.
//
// One FIFO chat queue a workspace, created when first sent to, because nobody
// else's backlog may ever delay a workspace. One standard queue of wake-ups,
// whose delay is also the timer of every retry.
package sqs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
)

// API is what this package calls; *sqs.Client is one.
type API interface {
	CreateQueue(context.Context, *sqs.CreateQueueInput, ...func(*sqs.Options)) (*sqs.CreateQueueOutput, error)
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
	ListQueues(context.Context, *sqs.ListQueuesInput, ...func(*sqs.Options)) (*sqs.ListQueuesOutput, error)
	DeleteQueue(context.Context, *sqs.DeleteQueueInput, ...func(*sqs.Options)) (*sqs.DeleteQueueOutput, error)
	ChangeMessageVisibility(context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
}

var _ API = (*sqs.Client)(nil)

// MaxReceives of one ticket mean that its deliverers died each time; SQS then
// moves it to the dead-letter queue by itself.
const MaxReceives = 5

// retention is the longest SQS offers; the ledger outlives it.
const retention = 14 * 24 * time.Hour

// ChatQueues is every chat queue.
type ChatQueues struct {
	SQS           API
	Prefix        string // of queue names
	DeadLetterURL string
	DeadLetterARN string

	mu   sync.Mutex
	urls map[string]string
}

var _ delivery.Queues = (*ChatQueues)(nil)

var plainID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// Name is a lane's queue: the workspace's id where SQS can spell it, and its
// digest elsewhere. At most 80 characters.
func (c *ChatQueues) Name(l delivery.ChatQueue) string {
	id := l.Workspace
	if !plainID.MatchString(id) {
		sum := sha256.Sum256([]byte(id))
		id = "x" + hex.EncodeToString(sum[:16])
	}
	return fmt.Sprintf("%s%s-g%d.fifo", c.Prefix, id, l.Generation)
}

// url finds a lane's queue, and creates it when create is set; "" when there is
// none.
func (c *ChatQueues) url(ctx context.Context, l delivery.ChatQueue, create bool) (string, error) {
	name := c.Name(l)
	c.mu.Lock()
	u := c.urls[name]
	c.mu.Unlock()
	if u != "" {
		return u, nil
	}
	found, err := c.SQS.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	switch {
	case err == nil:
		u = *found.QueueUrl
	case !isMissing(err):
		return "", fault.Store("find chat queue", err)
	case !create:
		return "", nil
	default:
		redrive, err := json.Marshal(map[string]string{"deadLetterTargetArn": c.DeadLetterARN, "maxReceiveCount": strconv.Itoa(MaxReceives)})
		if err != nil {
			return "", err
		}
		made, err := c.SQS.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{
			"FifoQueue": "true", "MessageRetentionPeriod": strconv.Itoa(int(retention / time.Second)), "RedrivePolicy": string(redrive),
		}})
		if _, resting := errors.AsType[*types.QueueDeletedRecently](err); resting {
			return "", delivery.ErrQueueDeletedRecently
		}
		if err != nil {
			return "", fault.Store("create chat queue", err)
		}
		u = *made.QueueUrl
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.urls == nil {
		c.urls = map[string]string{}
	}
	c.urls[name] = u
	return u, nil
}

func isMissing(err error) bool {
	_, missing := errors.AsType[*types.QueueDoesNotExist](err)
	return missing
}

// forget drops a remembered URL whose queue turned out to be gone.
func (c *ChatQueues) forget(l delivery.ChatQueue, err error) error {
	if isMissing(err) {
		c.mu.Lock()
		delete(c.urls, c.Name(l))
		c.mu.Unlock()
		return nil
	}
	return err
}

// Send implements delivery.Queues. A ticket's group is one of as many lanes as
// the agent has task slots, so SQS itself keeps one delivery to a slot.
func (c *ChatQueues) Send(ctx context.Context, l delivery.ChatQueue, slots int, tickets []delivery.Ticket) error {
	if len(tickets) == 0 {
		return nil
	}
	entries := make([]types.SendMessageBatchRequestEntry, len(tickets))
	for i, t := range tickets {
		body, err := json.Marshal(t)
		if err != nil {
			return err
		}
		entries[i] = types.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(body)), MessageDeduplicationId: aws.String(t.Dedup),
			MessageGroupId: aws.String("slot-" + strconv.FormatInt(t.Seq%int64(max(1, slots)), 10)),
		}
	}
	for range 2 { // the second time round, a queue that was gone is made again
		u, err := c.url(ctx, l, true)
		if err != nil {
			return err
		}
		out, err := c.SQS.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &u, Entries: entries})
		if err != nil {
			if c.forget(l, err) == nil {
				continue
			}
			return fault.Store("send tickets", err)
		}
		if len(out.Failed) > 0 {
			return fault.Store("send tickets", errors.New(aws.ToString(out.Failed[0].Message)))
		}
		return nil
	}
	return fault.Store("send tickets", errors.New("the chat queue keeps vanishing"))
}

// Receive implements delivery.Queues. Its attempt id makes a repeat of a receive
// whose reply was lost give the same ticket, and not wait for its visibility
// timeout (Amazon SQS Developer Guide, "Receive request attempt ID").
func (c *ChatQueues) Receive(ctx context.Context, l delivery.ChatQueue, visibility, wait time.Duration) (*delivery.ReceivedTicket, error) {
	u, err := c.url(ctx, l, false)
	if u == "" || err != nil {
		return nil, err
	}
	out, err := c.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &u, MaxNumberOfMessages: 1, VisibilityTimeout: int32(visibility / time.Second), WaitTimeSeconds: int32(wait / time.Second),
		ReceiveRequestAttemptId: aws.String(uuid.NewString()),
	})
	if err != nil {
		if c.forget(l, err) == nil {
			return nil, nil
		}
		return nil, fault.Store("receive ticket", err)
	}
	if len(out.Messages) == 0 {
		return nil, nil
	}
	held := &delivery.ReceivedTicket{Receipt: aws.ToString(out.Messages[0].ReceiptHandle)}
	// Any ticket is the right to deliver the next message, so one whose body
	// can't be read is still one.
	_ = json.Unmarshal([]byte(aws.ToString(out.Messages[0].Body)), &held.Ticket)
	return held, nil
}

// Delete implements delivery.Queues.
func (c *ChatQueues) Delete(ctx context.Context, l delivery.ChatQueue, h delivery.ReceivedTicket) error {
	u, err := c.url(ctx, l, false)
	if u == "" || err != nil {
		return err
	}
	if _, err = c.SQS.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &u, ReceiptHandle: &h.Receipt}); err != nil && c.forget(l, err) != nil {
		return fault.Store("delete ticket", err)
	}
	return nil
}

// Release implements delivery.Queues.
func (c *ChatQueues) Release(ctx context.Context, l delivery.ChatQueue, h delivery.ReceivedTicket) error {
	u, err := c.url(ctx, l, false)
	if u == "" || err != nil {
		return err
	}
	if _, err = c.SQS.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &u, ReceiptHandle: &h.Receipt, VisibilityTimeout: 0}); err != nil && c.forget(l, err) != nil {
		return fault.Store("release ticket", err)
	}
	return nil
}

// SendToDeadLetter implements delivery.Queues.
func (c *ChatQueues) SendToDeadLetter(ctx context.Context, l delivery.ChatQueue, t delivery.Ticket, reason string) error {
	body, err := json.Marshal(map[string]any{"workspace_id": l.Workspace, "message_id": t.MessageID, "seq": t.Seq, "reason": reason})
	if err != nil {
		return err
	}
	_, err = c.SQS.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &c.DeadLetterURL, MessageBody: aws.String(string(body)),
		MessageGroupId: aws.String(c.Name(delivery.ChatQueue{Workspace: l.Workspace})), MessageDeduplicationId: aws.String(c.Name(l) + t.Dedup),
	})
	if err != nil {
		return fault.Store("bury ticket", err)
	}
	return nil
}

// laneQueue is what the names of chat queues, and of no other queue, end in.
var laneQueue = regexp.MustCompile(`-g[0-9]+\.fifo$`)

// List implements delivery.Queues.
func (c *ChatQueues) List(ctx context.Context) ([]string, error) {
	var names []string
	in := &sqs.ListQueuesInput{QueueNamePrefix: &c.Prefix, MaxResults: aws.Int32(1000)}
	for {
		out, err := c.SQS.ListQueues(ctx, in)
		if err != nil {
			return nil, fault.Store("list chat queues", err)
		}
		for _, u := range out.QueueUrls {
			if laneQueue.MatchString(u) {
				names = append(names, u[strings.LastIndex(u, "/")+1:])
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return names, nil
		}
	}
}

// Remove implements delivery.Queues; a queue that is gone already is removed.
func (c *ChatQueues) Remove(ctx context.Context, name string) error {
	found, err := c.SQS.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err == nil {
		_, err = c.SQS.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: found.QueueUrl})
	}
	c.mu.Lock()
	delete(c.urls, name)
	c.mu.Unlock()
	if err != nil && !isMissing(err) {
		return fault.Store("remove chat queue", err)
	}
	return nil
}

// Wakeup is the body of a wake-up.
type Wakeup struct {
	Workspace string `json:"workspace_id"`
	Cause     string `json:"cause"`
}

// Wakeups rings dispatch.
type Wakeups struct {
	SQS API
	URL string
}

var _ registry.Wakeups = (*Wakeups)(nil)

// MaxDelay is the longest SQS delays a message.
const MaxDelay = 15 * time.Minute

// Send implements registry.Bell.
func (b *Wakeups) Send(ctx context.Context, id, cause string, after time.Duration) error {
	body, err := json.Marshal(Wakeup{id, cause})
	if err != nil {
		return err
	}
	seconds := int32((min(max(after, 0), MaxDelay) + time.Second - 1) / time.Second)
	if _, err := b.SQS.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &b.URL, MessageBody: aws.String(string(body)), DelaySeconds: seconds}); err != nil {
		return fault.Store("ring", err)
	}
	return nil
}
