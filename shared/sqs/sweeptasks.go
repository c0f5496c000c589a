package sqs

import (
	"context"
	"slices"

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
		entries, err := entriesOf(batch)
		if err != nil {
			return err
		}
		if err := sendBatch(ctx, s.SQS, s.URL, entries); err != nil {
			failed = fault.Store("hand out the tasks of a sweep", err)
		}
	}
	return failed
}
