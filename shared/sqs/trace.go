package sqs

import (
	"context"
	"regexp"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// TraceAttribute is the message attribute that has the trace of the call that sent a
// wake-up. Source: W3C Trace Context, "traceparent".
const TraceAttribute = "traceparent"

// xray is a trace header of AWS X-Ray. Source: X-Ray Developer Guide, "Tracing header".
// It is compiled when a traced call sends its first wake-up: most functions send none.
var xray = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^Root=1-([0-9a-f]{8})-([0-9a-f]{24});Parent=([0-9a-f]{16});Sampled=([01])`)
})

// trace is the attribute for the invocation that ctx is of, nil if that is not traced.
func trace(ctx context.Context) map[string]types.MessageAttributeValue {
	header, _ := ctx.Value("x-amzn-trace-id").(string) // aws-lambda-go puts it there
	found := xray().FindStringSubmatch(header)
	if found == nil {
		return nil
	}
	parent := "00-" + found[1] + found[2] + "-" + found[3] + "-0" + found[4]
	return map[string]types.MessageAttributeValue{
		TraceAttribute: {DataType: aws.String("String"), StringValue: &parent},
	}
}
