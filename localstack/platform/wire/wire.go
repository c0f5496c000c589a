// Package wire is the reverse proxy between the deployed functions and their emulator.
// Every AWS call of a function passes it. A layer on it may keep calls (Journal), refuse
// them (package rights) or make them fail (package faults). The emulator and the
// functions are not changed for it.
package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Call is one AWS call.
type Call struct {
	Service   string // "DynamoDB", "AmazonSQS", "AWSEvents"
	Operation string // "UpdateItem"
	Function  string // the calling function's name, "" for another caller
	ID        string // the same for a call and its retries
	// Invocation is the trace id of the function's invocation (AWS X-Ray); "" if it is not
	// traced.
	Invocation string
	Body       []byte
}

// writes are the operations that change what is stored. ReceiveMessage is one of them,
// because it hides the message.
var writes = map[string]bool{
	"DynamoDB.PutItem": true, "DynamoDB.UpdateItem": true, "DynamoDB.DeleteItem": true,
	"DynamoDB.TransactWriteItems": true, "DynamoDB.BatchWriteItem": true,
	"AmazonSQS.SendMessage": true, "AmazonSQS.SendMessageBatch": true, "AmazonSQS.ReceiveMessage": true,
	"AmazonSQS.DeleteMessage": true, "AmazonSQS.ChangeMessageVisibility": true,
	"AmazonSQS.CreateQueue": true, "AmazonSQS.DeleteQueue": true,
	"AWSEvents.PutEvents": true,
}

// Name is "Service.Operation".
func (c Call) Name() string { return c.Service + "." + c.Operation }

// Writes reports whether the call changes what is stored.
func (c Call) Writes() bool { return writes[c.Name()] }

// Answer is what the caller gets. With Drop it gets no answer: the connection is closed,
// and the caller can't know whether the call was done.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Drop   bool
}

// Forward passes a call on towards the emulator.
type Forward = func(Call) Answer

// Layer is a step on the way to the emulator. It may answer by itself, or pass the call
// on to next; it may change the call and the answer.
type Layer func(ctx context.Context, c Call, next Forward) Answer

// Wire is the proxy.
type Wire struct {
	URL      string
	layers   []Layer
	upstream atomic.Pointer[string]
	server   *http.Server
	client   *http.Client
}

// Listen opens a wire on a free port of loopback. The first layer is the outermost. The
// wire answers 503 until Connect.
func Listen(layers ...Layer) (*Wire, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	w := &Wire{URL: "http://" + l.Addr().String(), layers: layers, client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	w.server = &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = w.server.Serve(l) }() // ends with Close
	return w, nil
}

// Connect connects the wire to an emulator.
func (w *Wire) Connect(endpoint string) { w.upstream.Store(&endpoint) }

// Close closes the wire.
func (w *Wire) Close() { _ = w.server.Close() }

// functionName finds the function in the user agent, where the SDK writes its app id.
var functionName = regexp.MustCompile(`\bapp/(rollcall-[a-z]+)`)

// ServeHTTP implements http.Handler.
func (w *Wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	upstream := w.upstream.Load()
	if err != nil || upstream == nil {
		unavailable := `{"__type":"ServiceUnavailable","message":"the emulator is not connected"}`
		http.Error(rw, unavailable, http.StatusServiceUnavailable)
		return
	}
	c := Call{Body: body, ID: r.Header.Get("Amz-Sdk-Invocation-Id"), Invocation: r.Header.Get("X-Amzn-Trace-Id")}
	target, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c.Service, c.Operation = strings.TrimSuffix(target, "_20120810"), op
	if m := functionName.FindStringSubmatch(r.UserAgent()); m != nil {
		c.Function = m[1]
	}
	next := func(c Call) Answer { return w.forward(r, *upstream, c.Body) }
	for _, layer := range slices.Backward(w.layers) {
		inner := next
		next = func(c Call) Answer { return layer(r.Context(), c, inner) }
	}
	a := next(c)
	if a.Drop {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(rw.Header(), a.Header)
	rw.Header().Del("Content-Length")
	rw.WriteHeader(a.Status)
	_, _ = rw.Write(a.Body) // a caller that is gone needs no answer
}

// forward makes the call. It is finished even if the caller is gone meanwhile.
func (w *Wire) forward(r *http.Request, upstream string, body []byte) Answer {
	ctx := context.WithoutCancel(r.Context())
	req, err := http.NewRequestWithContext(ctx, r.Method, upstream+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return Fault(http.StatusBadGateway, "BadGateway", err.Error())
	}
	req.Header = r.Header.Clone()
	req.Header.Del("Connection")
	resp, err := w.client.Do(req)
	if err != nil {
		return Fault(http.StatusBadGateway, "BadGateway", err.Error())
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{Drop: true}
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: out}
}

// Fault is an AWS error in the JSON protocols' shape.
func Fault(status int, code, message string) Answer {
	return Answer{
		Status: status,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amzn-Errortype": {code}},
		Body:   fmt.Appendf(nil, `{"__type":%q,"message":%q}`, code, message),
	}
}
