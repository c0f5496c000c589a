// Package emulatortest starts the light emulator of AWS for the tests of one
// package: its DynamoDB and SQS, without functions. Only tests import it.
package emulatortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// startsWithin is how long the emulator may take to become ready.
const startsWithin = 30 * time.Second

// Config is the configuration of a client of the emulator. The first call starts
// it; it ends with the test binary, however that ends.
func Config(t *testing.T) aws.Config {
	t.Helper()
	endpoint, err := started()
	if err != nil {
		t.Fatal(err)
	}
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  client,
	}
}

var started = sync.OnceValues(start)

// client is that of every AWS client.
var client = &http.Client{Transport: whole{&http.Transport{}}}

// whole reads each reply whole, at once. On a busy machine the SDK, which reads
// the body later, sometimes finds the connection closed and sends the request
// again: then a conditional write conflicts with itself.
type whole struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (w whole) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// supervisor runs the emulator ($1) in its folder ($2) until the test binary has
// gone: then its end of the pipe, our standard input, is closed. It kills what is
// left of its process group, and so itself.
const supervisor = `exec 3<&0
"$1" & server=$!
(cat >/dev/null; kill -KILL $server) <&3 &
wait $server
cd / && rm -rf "$2"
kill -KILL 0`

// start starts the emulator on a free port of loopback and waits until it answers.
func start() (endpoint string, err error) {
	program, err := installed()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "rollcall-emulator-")
	if err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	cmd := exec.Command("/bin/sh", "-c", supervisor, "supervisor", program, dir)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"GATEWAY_PORT="+port, "BIND_HOST=127.0.0.1", "MINISTACK_HOST=127.0.0.1", "PERSIST_STATE=0",
		"DOCKER_HOST=unix:///nonexistent", "LOG_LEVEL=WARNING", "TMPDIR="+dir,
		"S3_DATA_DIR="+filepath.Join(dir, "s3"), "STATE_DIR="+filepath.Join(dir, "state"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a process group that the supervisor can kill
	// No output: who inherits that of the test binary keeps go test waiting.
	if _, err := cmd.StdinPipe(); err != nil { // our end of the supervisor's pipe, which cmd keeps open
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("the light emulator can't start: %w", err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }() // it was killed, or exited: either way it is gone
	endpoint = "http://127.0.0.1:" + port
	return endpoint, await(endpoint+"/_ministack/health", exited)
}

// installed is the emulator's program, which make puts into the checkout: .tools of the
// test's folder or of one above it.
func installed() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		program := filepath.Join(dir, ".tools", "ministack", "bin", "ministack")
		if _, err := os.Stat(program); err == nil {
			return program, nil
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", errors.New("the light emulator is not installed: run make ministack")
		}
		dir = above
	}
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// await waits until a URL answers well.
func await(url string, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), startsWithin)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-exited:
			return errors.New("the light emulator exited before it was ready")
		case <-ctx.Done():
			return fmt.Errorf("the light emulator was not ready within %s", startsWithin)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// CreateTable creates a DynamoDB table whose keys are texts: its partition key and, where it has one, its sort key.
// Each index is local, holds keys only and has the sort key that is given.
func CreateTable(t *testing.T, db *dynamodb.Client, name string, keys []string, indexes map[string]string) {
	t.Helper()
	in := &dynamodb.CreateTableInput{
		TableName: &name, KeySchema: schema(keys), BillingMode: types.BillingModePayPerRequest,
	}
	attributes := slices.Clone(keys)
	for index, sort := range indexes {
		attributes = append(attributes, sort)
		in.LocalSecondaryIndexes = append(in.LocalSecondaryIndexes, types.LocalSecondaryIndex{
			IndexName: &index, KeySchema: schema([]string{keys[0], sort}),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	}
	for _, attribute := range attributes {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: &attribute, AttributeType: types.ScalarAttributeTypeS,
		})
	}
	if _, err := db.CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// schema is the schema of a partition key and, where there is one, a sort key.
func schema(keys []string) (out []types.KeySchemaElement) {
	for i := range keys {
		out = append(out, types.KeySchemaElement{
			AttributeName: &keys[i], KeyType: []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}[i],
		})
	}
	return out
}
