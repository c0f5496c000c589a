package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// batchSize is the most entries of one SendMessageBatch.
const batchSize = 10

// entriesOf makes the entries of a batch, of which each body is a JSON text.
func entriesOf[Body any](bodies []Body) ([]types.SendMessageBatchRequestEntry, error) {
	entries := make([]types.SendMessageBatchRequestEntry, len(bodies))
	for i, b := range bodies {
		body, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		entries[i].Id, entries[i].MessageBody = aws.String(strconv.Itoa(i)), aws.String(string(body))
	}
	return entries, nil
}

// sendBatch sends a batch. That some of it was not taken is an error.
func sendBatch(ctx context.Context, to API, url string, entries []types.SendMessageBatchRequestEntry) error {
	out, err := to.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries})
	if err == nil && len(out.Failed) > 0 {
		err = fmt.Errorf("%d were not taken: %s", len(out.Failed), aws.ToString(out.Failed[0].Message))
	}
	return err
}
