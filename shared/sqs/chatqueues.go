package sqs

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
)

// MaxReceives is how often a ticket may be received. One that is received again
// has had its deliverer die each time: SQS moves it to the dead-letter queue.
const MaxReceives = 5

// retention is the longest that SQS offers; the ledger keeps mail longer.
const retention = 14 * 24 * time.Hour

// ChatQueues is every chat queue.
type ChatQueues struct {
	SQS           API
	Clock         clock.Clock
	Prefix        string // of queue names
	DeadLetterURL string
	DeadLetterARN string
	SliceSize     int32 // how many names a slice has at most; 0: as many as SQS lists in a call

	mu   sync.Mutex
	urls map[string]string // of the queues that were found, by name
}

var _ delivery.Queues = (*ChatQueues)(nil)

// plainID is an id that SQS can spell, with room for the rest of the name.
var plainID = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// maxPlainID is how many characters of a name an id may be.
const maxPlainID = 40

// Name implements delivery.Queues: the workspace's id where SQS can spell it, and
// its digest elsewhere; then the life, if it is not the first, and the generation. It
// has at most 80 characters.
func (c *ChatQueues) Name(q delivery.ChatQueue) string {
	id := q.Life.Workspace
	if len(id) > maxPlainID || !plainID.MatchString(id) {
		sum := sha256.Sum256([]byte(id))
		id = "x" + hex.EncodeToString(sum[:16])
	}
	life := ""
	if q.Life.Number > 0 {
		life = strconv.FormatInt(q.Life.Number, 10)
	}
	return fmt.Sprintf("%s%s-%sg%d.fifo", c.Prefix, id, life, q.Generation)
}

// find is the URL of a queue, "" when there is none.
func (c *ChatQueues) find(ctx context.Context, q delivery.ChatQueue) (string, error) {
	name := c.Name(q)
	c.mu.Lock()
	url := c.urls[name]
	c.mu.Unlock()
	if url != "" {
		return url, nil
	}
	found, err := c.SQS.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if isMissing(err) {
		return "", nil
	}
	if err != nil {
		return "", fault.Store("find chat queue", err)
	}
	return c.remember(name, *found.QueueUrl), nil
}

// findOrCreate is the URL of a queue. Error: ErrQueueDeletedRecently.
func (c *ChatQueues) findOrCreate(ctx context.Context, q delivery.ChatQueue) (string, error) {
	if url, err := c.find(ctx, q); url != "" || err != nil {
		return url, err
	}
	redrive, err := json.Marshal(map[string]string{
		"deadLetterTargetArn": c.DeadLetterARN, "maxReceiveCount": strconv.Itoa(MaxReceives),
	})
	if err != nil {
		return "", err
	}
	name := c.Name(q)
	made, err := c.SQS.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{
		string(types.QueueAttributeNameFifoQueue):              "true",
		string(types.QueueAttributeNameMessageRetentionPeriod): strconv.Itoa(int(seconds(retention))),
		string(types.QueueAttributeNameRedrivePolicy):          string(redrive),
	}})
	if _, recently := errors.AsType[*types.QueueDeletedRecently](err); recently {
		return "", delivery.ErrQueueDeletedRecently
	}
	if err != nil {
		return "", fault.Store("create chat queue", err)
	}
	return c.remember(name, *made.QueueUrl), nil
}

func (c *ChatQueues) remember(name, url string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.urls == nil {
		c.urls = map[string]string{}
	}
	c.urls[name] = url
	return url
}

// forget drops the URL of a queue that is gone.
func (c *ChatQueues) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.urls, name)
}

// groupOf is the message group of a task slot of the queue's host. A host that never had
// another URL has number 0.
func groupOf(q delivery.ChatQueue, slot int64) string {
	if q.Host == 0 {
		return fmt.Sprint("slot-", slot)
	}
	return fmt.Sprintf("host-%d-slot-%d", q.Host, slot)
}

// Send implements delivery.Queues. A ticket's message group is one of as many as
// the agent has task slots, so that SQS itself keeps one delivery to a slot.
func (c *ChatQueues) Send(ctx context.Context, q delivery.ChatQueue, slots int, tickets []delivery.Ticket) error {
	for batch := range slices.Chunk(tickets, batchSize) {
		entries, err := entriesOf(batch)
		if err != nil {
			return err
		}
		for i, t := range batch {
			entries[i].MessageDeduplicationId = aws.String(t.Dedup)
			entries[i].MessageGroupId = aws.String(groupOf(q, t.Seq%int64(max(1, slots))))
		}
		if err := c.send(ctx, q, entries); err != nil {
			return err
		}
	}
	return nil
}

// A queue that was created a moment ago may not be there for a second (Amazon SQS
// API Reference, CreateQueue): it is waited for, in pauses.
const (
	newQueueTakes = 2 * time.Second
	newQueuePause = 200 * time.Millisecond
)

// untilThere repeats a call while the queue is missing, for as long as a new one
// may take. It returns the last error.
func (c *ChatQueues) untilThere(ctx context.Context, name string, call func() error) error {
	err := call()
	for waited := time.Duration(0); isMissing(err) && waited < newQueueTakes; waited += newQueuePause {
		c.forget(name)
		if c.Clock.Sleep(ctx, newQueuePause) != nil {
			return err
		}
		err = call()
	}
	return err
}

// send sends one batch. A queue that is gone, although its URL is known, is made
// again.
func (c *ChatQueues) send(
	ctx context.Context, q delivery.ChatQueue, entries []types.SendMessageBatchRequestEntry,
) error {
	err := c.untilThere(ctx, c.Name(q), func() error {
		url, err := c.findOrCreate(ctx, q)
		if err != nil {
			return err
		}
		return sendBatch(ctx, c.SQS, url, entries)
	})
	if _, ours := errors.AsType[*fault.Error](err); ours || err == nil {
		return err
	}
	return fault.Store("send tickets", err)
}

// Receive implements delivery.Queues. Its attempt id makes a repeat of a receive
// whose reply was lost give the same ticket, and not wait for its visibility
// timeout (Amazon SQS Developer Guide, "Receive request attempt ID").
func (c *ChatQueues) Receive(
	ctx context.Context, q delivery.ChatQueue, visibility, wait time.Duration,
) (*delivery.ReceivedTicket, error) {
	var out *sqs.ReceiveMessageOutput
	receive := func() (err error) {
		out, err = c.receive(ctx, q, visibility, wait)
		return err
	}
	err := receive()
	if wait > 0 && isMissing(err) { // who waits has sent to it just now
		err = c.untilThere(ctx, c.Name(q), receive)
	}
	if isMissing(err) {
		c.forget(c.Name(q))
		return nil, nil //nolint:nilnil // the port says nil for no ticket
	}
	if _, ours := errors.AsType[*fault.Error](err); ours {
		return nil, err
	}
	if err != nil {
		return nil, fault.Store("receive ticket", err)
	}
	if len(out.Messages) == 0 {
		return nil, nil //nolint:nilnil // the port says nil for no ticket
	}
	received := &delivery.ReceivedTicket{Receipt: aws.ToString(out.Messages[0].ReceiptHandle)}
	// A ticket with an unreadable body is still valid: tickets are interchangeable.
	_ = json.Unmarshal([]byte(aws.ToString(out.Messages[0].Body)), &received.Ticket)
	return received, nil
}

// receive asks for one ticket. A queue that is not there is QueueDoesNotExist.
func (c *ChatQueues) receive(
	ctx context.Context, q delivery.ChatQueue, visibility, wait time.Duration,
) (*sqs.ReceiveMessageOutput, error) {
	url, err := c.find(ctx, q)
	if err != nil {
		return nil, err
	}
	if url == "" {
		return nil, &types.QueueDoesNotExist{}
	}
	return c.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 1, VisibilityTimeout: seconds(visibility), WaitTimeSeconds: seconds(wait),
		ReceiveRequestAttemptId: aws.String(uuid.NewString()),
	})
}

// Delete implements delivery.Queues. A receipt that is good no longer deletes
// nothing.
func (c *ChatQueues) Delete(ctx context.Context, q delivery.ChatQueue, t delivery.ReceivedTicket) error {
	return c.settle(ctx, q, "delete ticket", func(url string) error {
		_, err := c.SQS.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: &t.Receipt})
		return err
	})
}

// Release implements delivery.Queues. A receipt that is good no longer releases
// nothing.
func (c *ChatQueues) Release(ctx context.Context, q delivery.ChatQueue, t delivery.ReceivedTicket) error {
	return c.settle(ctx, q, "release ticket", func(url string) error {
		_, err := c.SQS.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
			QueueUrl: &url, ReceiptHandle: &t.Receipt, VisibilityTimeout: 0,
		})
		return err
	})
}

// settle does the last call on a ticket. Without its queue, or once it is
// another's, nothing is left to do.
func (c *ChatQueues) settle(
	ctx context.Context, q delivery.ChatQueue, what string, call func(url string) error,
) error {
	url, err := c.find(ctx, q)
	if url == "" || err != nil {
		return err
	}
	err = call(url)
	switch {
	case isMissing(err):
		c.forget(c.Name(q))
	case err != nil && !isPast(err):
		return fault.Store(what, err)
	}
	return nil
}

// SendToDeadLetter implements delivery.Queues.
func (c *ChatQueues) SendToDeadLetter(
	ctx context.Context, q delivery.ChatQueue, t delivery.Ticket, reason string,
) error {
	body, err := json.Marshal(map[string]any{
		"workspace_id": q.Life.Workspace, "life": q.Life.Number + 1, "message_id": t.MessageID, "seq": t.Seq,
		"reason": reason,
	})
	if err != nil {
		return err
	}
	_, err = c.SQS.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &c.DeadLetterURL, MessageBody: aws.String(string(body)),
		MessageGroupId:         aws.String(c.Name(delivery.ChatQueue{Life: q.Life})),
		MessageDeduplicationId: aws.String(c.Name(q) + t.Dedup),
	})
	if err != nil {
		return fault.Store("send to the dead-letter queue", err)
	}
	return nil
}

// chatQueueName is what the names of chat queues, and of no other queue, end in.
var chatQueueName = regexp.MustCompile(`-[0-9]*g[0-9]+\.fifo$`)

// digest is how a name spells an id that SQS can't.
var digest = regexp.MustCompile(`^x[0-9a-f]+$`)

// digestLen is how long such a digest is.
const digestLen = 33

// Workspace implements delivery.Queues. A digest doesn't tell the id.
func (c *ChatQueues) Workspace(name string) string {
	end := chatQueueName.FindStringIndex(name)
	id, ours := strings.CutPrefix(name, c.Prefix)
	if end == nil || !ours {
		return ""
	}
	if id = strings.TrimSuffix(id, name[end[0]:]); len(id) == digestLen && digest.MatchString(id) {
		return ""
	}
	return id
}

// sliceSize is the most names that SQS lists in a call.
const sliceSize = 1000

// List implements delivery.Queues: a slice is what one call lists. A cursor that SQS
// refuses is the start.
func (c *ChatQueues) List(ctx context.Context, cursor string) (names []string, next string, err error) {
	in := &sqs.ListQueuesInput{QueueNamePrefix: &c.Prefix, MaxResults: aws.Int32(cmp.Or(c.SliceSize, sliceSize))}
	if cursor != "" {
		in.NextToken = &cursor
	}
	out, err := c.SQS.ListQueues(ctx, in)
	if cursor != "" && isRefused(err) {
		return c.List(ctx, "")
	}
	if err != nil {
		return nil, "", fault.Store("list chat queues", err)
	}
	for _, url := range out.QueueUrls {
		if chatQueueName.MatchString(url) {
			names = append(names, url[strings.LastIndex(url, "/")+1:])
		}
	}
	return names, aws.ToString(out.NextToken), nil
}

// Remove implements delivery.Queues; a queue that is gone already is removed.
func (c *ChatQueues) Remove(ctx context.Context, name string) error {
	found, err := c.SQS.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err == nil {
		_, err = c.SQS.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: found.QueueUrl})
	}
	c.forget(name)
	if err != nil && !isMissing(err) {
		return fault.Store("remove chat queue", err)
	}
	return nil
}
