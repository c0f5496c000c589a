package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/sweep"
)

// SweepTasks is the queue whose messages have workers sweep a segment each. The body of
// one is a task.
type SweepTasks struct {
	SQS API
	URL string
}

var _ sweep.Tasks = SweepTasks{}

// HandOut implements sweep.Tasks. When some tasks are not taken, the others are handed out all the same.
func (s SweepTasks) HandOut(ctx context.Context, tasks []sweep.Task) error {
	var failed error
	for batch := range slices.Chunk(tasks, batchSize) {
		entries := make([]types.SendMessageBatchRequestEntry, len(batch))
		for i, t := range batch {
			body, err := json.Marshal(t)
			if err != nil {
				return err
			}
			entries[i] = types.SendMessageBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(body)),
			}
		}
		out, err := s.SQS.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &s.URL, Entries: entries})
		if err == nil && len(out.Failed) > 0 {
			err = fmt.Errorf("%d were not taken: %s", len(out.Failed), aws.ToString(out.Failed[0].Message))
		}
		if err != nil {
			failed = fault.Store("hand out the tasks of a sweep", err)
		}
	}
	return failed
}
