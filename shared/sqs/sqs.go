// Package sqs keeps the chat queues and the wake-ups on SQS.
//
// Each workspace has a FIFO chat queue of its own, created when it is first sent
// to, because nobody else's backlog may delay a workspace. Wake-ups go through
// one standard queue, whose delay is also the timer of every retry, and those for
// agents that hung last time through another.
package sqs

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// API is what this package calls; *sqs.Client is one.
type API interface {
	CreateQueue(context.Context, *sqs.CreateQueueInput, ...func(*sqs.Options)) (*sqs.CreateQueueOutput, error)
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (
		*sqs.SendMessageBatchOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
	ListQueues(context.Context, *sqs.ListQueuesInput, ...func(*sqs.Options)) (*sqs.ListQueuesOutput, error)
	DeleteQueue(context.Context, *sqs.DeleteQueueInput, ...func(*sqs.Options)) (*sqs.DeleteQueueOutput, error)
	ChangeMessageVisibility(context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options)) (
		*sqs.ChangeMessageVisibilityOutput, error)
}

var _ API = (*sqs.Client)(nil)

// isMissing reports whether err says that there is no such queue.
func isMissing(err error) bool {
	_, missing := errors.AsType[*types.QueueDoesNotExist](err)
	return missing
}

// isPast reports whether err says that a receipt is good no longer: its
// visibility timeout has ended, or the ticket was deleted or received again. For
// a receipt that has ended in a FIFO queue, SQS says that the parameter's value is
// invalid.
func isPast(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	switch api.ErrorCode() {
	case "ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight",
		"AWS.SimpleQueueService.MessageNotInflight":
		return true
	}
	return false
}

// isRefused reports whether err is an answer of SQS that says what is wrong with the
// call: no fault of SQS, and not that it is called too often.
func isRefused(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	switch api.ErrorCode() {
	case "RequestThrottled", "Throttling", "ThrottlingException", "ServiceUnavailable", "InternalError",
		"InternalFailure":
		return false
	}
	return api.ErrorFault() != smithy.FaultServer
}

// seconds rounds a duration up to whole seconds, in which SQS counts.
func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }
