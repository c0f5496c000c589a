package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// QueuePrefix begins the name of every chat queue of a stack; the functions' rights
// are bound to it, and the sweeper removes what has it and no workspace. A stack's
// name has no underscore, so no stack's prefix begins another's.
func QueuePrefix(stackName string) string { return stackName + "_chat_" }

// maxName is the longest name that a stack may have: a queue's has 80 characters,
// of which shared/sqs needs 56 for workspace, life and generation.
const maxName = 80 - 56 - len("_chat_")

type queues struct {
	wakeups, slowWakeups, callbackWakeups, lostWakeups awssqs.Queue
	deadLetters, sweepTasks                            awssqs.Queue
}

func newQueues(s awscdk.Stack, cfg Config) queues {
	// A wake-up stays invisible for six times its function's timeout (AWS Lambda
	// Developer Guide, "Using Lambda with Amazon SQS").
	wakeVisibility := 6 * float64(cfg.Settings.timeout("dispatch"))
	q := queues{
		// What chat queues, made at run time, redrive to. FIFO, as they are.
		deadLetters: awssqs.NewQueue(s, jsii.String("DeadLetters"), &awssqs.QueueProps{
			Fifo: jsii.Bool(true), RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)), EnforceSSL: jsii.Bool(true),
		}),
		lostWakeups: awssqs.NewQueue(s, jsii.String("LostWakeups"), &awssqs.QueueProps{
			RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)), EnforceSSL: jsii.Bool(true),
		}),
		// The tasks of a sweep are good until the next minute's: a late one is not done, and one whose worker died is gone
		// before it would come again.
		sweepTasks: awssqs.NewQueue(s, jsii.String("SweepTasks"), &awssqs.QueueProps{
			VisibilityTimeout: awscdk.Duration_Seconds(jsii.Number(6 * float64(cfg.Settings.timeout("sweeper")))),
			RetentionPeriod:   awscdk.Duration_Minutes(jsii.Number(5)), EnforceSSL: jsii.Bool(true),
		}),
	}
	wakeups := func(id string) awssqs.Queue {
		return awssqs.NewQueue(s, &id, &awssqs.QueueProps{
			VisibilityTimeout: awscdk.Duration_Seconds(jsii.Number(wakeVisibility)), EnforceSSL: jsii.Bool(true),
			DeadLetterQueue: &awssqs.DeadLetterQueue{Queue: q.lostWakeups, MaxReceiveCount: jsii.Number(10)},
		})
	}
	q.wakeups, q.slowWakeups, q.callbackWakeups = wakeups("Wakeups"), wakeups("SlowWakeups"), wakeups("CallbackWakeups")
	return q
}
