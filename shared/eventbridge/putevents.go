package eventbridge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/restjson"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// PutEvents is the one call of EventBridge that Rollcall makes. The SDK's client of EventBridge has 57, and made 2,700
// of the 9,600 allocations before a function's main. The SDK signs, sends and tries again here too. Only the request
// and the answer are written here, and a test compares the request with that of the SDK's client.

// The names of the call, as the SDK's errors and the signature have them.
const (
	service   = "EventBridge"
	operation = "PutEvents"
	signedAs  = "events"
)

// putEvents is the call's input, and entry one of its events.
type (
	putEvents struct{ Entries []entry }
	entry     struct {
		Source, DetailType, Detail string
		Time                       json.Number // in seconds since 1970
	}
)

// answer is the call's output. An event that was refused has no id.
type answer struct {
	FailedEntryCount int
	Entries          []struct {
		EventID      string `json:"EventId"`
		ErrorMessage string
	}
}

// request is one call, with all its tries.
type request struct {
	Bus
	to   *url.URL
	body []byte
}

// putEvents makes the call.
func (b Bus) putEvents(ctx context.Context, in putEvents) (out answer, err error) {
	r := request{Bus: b}
	if r.to, err = endpointOf(ctx, b.AWS); err != nil {
		return out, err
	}
	if r.body, err = json.Marshal(in); err != nil {
		return out, err
	}
	stack, err := r.stack()
	if err != nil {
		return out, err
	}
	handler := middleware.DecorateHandler(smithyhttp.NewClientHandlerWithOptions(b.AWS.HTTPClient), stack)
	got, _, err := handler.Handle(ctx, in)
	if err != nil {
		return out, &smithy.OperationError{ServiceID: service, OperationName: operation, Err: err}
	}
	out, _ = got.(answer) // of deserialize
	return out, nil
}

// endpointOf is where EventBridge is called: where SQS is, with another first name, in every partition.
func endpointOf(ctx context.Context, c aws.Config) (*url.URL, error) {
	if c.BaseEndpoint != nil {
		return url.Parse(*c.BaseEndpoint)
	}
	found, err := sqs.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sqs.EndpointParameters{Region: &c.Region})
	if err != nil {
		return nil, err
	}
	found.URI.Host = signedAs + "." + strings.TrimPrefix(found.URI.Host, "sqs.")
	return &found.URI, nil
}

// stack is what the SDK does for a call, in its order.
func (r request) stack() (*middleware.Stack, error) {
	stack := middleware.NewStack(operation, smithyhttp.NewStackRequest)
	for _, add := range append([]func(*middleware.Stack) error{
		func(s *middleware.Stack) error {
			return s.Initialize.Add(&awsmiddleware.RegisterServiceMetadata{
				ServiceID: service, SigningName: signedAs, Region: r.AWS.Region, OperationName: operation,
			}, middleware.Before)
		},
		func(s *middleware.Stack) error {
			return s.Serialize.Add(middleware.SerializeMiddlewareFunc("OperationSerializer", r.serialize), middleware.After)
		},
		awsmiddleware.AddClientRequestIDMiddleware,
		awsmiddleware.AddSDKAgentKey(awsmiddleware.ApplicationIdentifier, r.AWS.AppID),
		func(s *middleware.Stack) error {
			return s.Finalize.Add(middleware.FinalizeMiddlewareFunc("Signing", r.sign), middleware.After)
		},
		func(s *middleware.Stack) error {
			return retry.AddRetryMiddlewares(s, retry.AddRetryMiddlewaresOptions{Retryer: r.AWS.Retryer()})
		},
		func(s *middleware.Stack) error {
			return s.Deserialize.Add(
				middleware.DeserializeMiddlewareFunc("OperationDeserializer", deserialize), middleware.After)
		},
	}, r.AWS.APIOptions...) {
		if err := add(stack); err != nil {
			return nil, err
		}
	}
	return stack, nil
}

// serialize fills the HTTP request.
func (r request) serialize(
	ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler,
) (out middleware.SerializeOutput, metadata middleware.Metadata, err error) {
	req, ok := in.Request.(*smithyhttp.Request)
	if !ok {
		return out, metadata, &smithy.SerializationError{Err: fmt.Errorf("a request of type %T", in.Request)}
	}
	req.Method, req.URL = http.MethodPost, r.to.JoinPath("/")
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSEvents."+operation)
	if in.Request, err = req.SetStream(bytes.NewReader(r.body)); err != nil {
		return out, metadata, &smithy.SerializationError{Err: err}
	}
	return next.HandleSerialize(ctx, in)
}

// sign signs a try.
func (r request) sign(
	ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
) (out middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
	req, ok := in.Request.(*smithyhttp.Request)
	if !ok {
		return out, metadata, &v4.SigningError{Err: fmt.Errorf("a request of type %T", in.Request)}
	}
	as, err := r.AWS.Credentials.Retrieve(ctx)
	if err != nil {
		return out, metadata, &v4.SigningError{Err: err}
	}
	sum := sha256.Sum256(r.body)
	err = v4.NewSigner().SignHTTP(ctx, as, req.Request, hex.EncodeToString(sum[:]), signedAs, r.AWS.Region, r.Clock.Now())
	if err != nil {
		return out, metadata, &v4.SigningError{Err: err}
	}
	return next.HandleFinalize(ctx, in)
}

// deserialize reads the answer. An error carries its status and its code: they tell the SDK whether to try again.
func deserialize(
	ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
) (out middleware.DeserializeOutput, metadata middleware.Metadata, err error) {
	out, metadata, err = next.HandleDeserialize(ctx, in)
	if err != nil {
		return out, metadata, err
	}
	resp, ok := out.RawResponse.(*smithyhttp.Response)
	if !ok {
		return out, metadata, &smithy.DeserializationError{Err: fmt.Errorf("an answer of type %T", out.RawResponse)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return out, metadata, &smithy.DeserializationError{Err: err}
	}
	if resp.StatusCode != http.StatusOK {
		return out, metadata, &smithyhttp.ResponseError{Response: resp, Err: apiError(resp, body)}
	}
	var result answer
	if err := json.Unmarshal(body, &result); err != nil {
		return out, metadata, &smithy.DeserializationError{Err: err, Snapshot: body}
	}
	out.Result = result
	return out, metadata, nil
}

// apiError is an error as the call's protocol has it. A body of another shape is a proxy's, and has no code.
func apiError(resp *smithyhttp.Response, body []byte) error {
	code, message, err := restjson.GetErrorInfo(json.NewDecoder(bytes.NewReader(body)))
	if header := resp.Header.Get("X-Amzn-ErrorType"); header != "" {
		code = header
	}
	if err != nil || code == "" {
		code = "UnknownError"
	}
	return &smithy.GenericAPIError{Code: restjson.SanitizeErrorCode(code), Message: message}
}
