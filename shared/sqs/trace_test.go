package sqs

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/rollcall/rollcall/shared/proof/emulatortest"
)

const tracedCall = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

// invocation is the context of an invocation with that trace header, as aws-lambda-go makes it.
func invocation(t *testing.T, header string) context.Context {
	return context.WithValue(t.Context(), "x-amzn-trace-id", header) //nolint:revive,staticcheck // its key is a text
}

func TestATraceIsWrittenAsW3CHasIt(t *testing.T) {
	const want = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-"
	for header, want := range map[string]string{
		tracedCall:                    want + "01",
		tracedCall + ";Lineage=1:a:0": want + "01",
		"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0": want + "00",
		"Root=1-5759e988-bd862e3fe1be46a994272793":                                   "",
		"Root=1-x;Parent=y;Sampled=1":                                                "",
		"":                                                                           "",
	} {
		if got := aws.ToString(trace(invocation(t, header))[TraceAttribute].StringValue); got != want {
			t.Errorf("%q is %q, want %q", header, got, want)
		}
	}
	if trace(t.Context()) != nil {
		t.Error("what is no invocation has a trace")
	}
}

// A wake-up carries the trace of the call that sent it, if tracing is on.
func TestATracedWakeupNamesItsCall(t *testing.T) {
	client := sqs.NewFromConfig(emulatortest.Config(t))
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("traced")})
	if err != nil {
		t.Fatal(err)
	}
	for _, traced := range []bool{true, false} {
		w := &Wakeups{SQS: client, URL: *made.QueueUrl, Traced: traced}
		if err := w.Send(invocation(t, tracedCall), "w", "cause", 0); err != nil {
			t.Fatal(err)
		}
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: made.QueueUrl, MessageAttributeNames: []string{"All"},
		})
		if err != nil || len(out.Messages) != 1 {
			t.Fatalf("%v, %v", out, err)
		}
		if _, has := out.Messages[0].MessageAttributes[TraceAttribute]; has != traced {
			t.Errorf("traced %t: the wake-up has %v", traced, out.Messages[0].MessageAttributes)
		}
	}
}
