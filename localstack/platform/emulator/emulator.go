// Package emulator starts and stops a local AWS emulator, kills its functions, and reads
// what they logged.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Region is the region of every emulator.
const Region = "us-east-1"

// Client is an SDK configuration for the emulator at that endpoint.
func Client(endpoint string) aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
}

// Kind is a kind of emulator.
type Kind string

// The kinds.
const (
	Ministack  Kind = "ministack"  // quick to install and to start
	LocalStack Kind = "localstack" // has DynamoDB Local inside; slower
)

// Emulator is a running emulator.
type Emulator struct {
	Kind     Kind
	Endpoint string
	cmd      *exec.Cmd
	exited   chan struct{}
	log      string
}

// Start starts an emulator on a free port of loopback and waits until it answers. Its
// functions make their AWS calls to the address wire, which must be connected to it. Its
// data is gone when it stops; its log stays in .rollcall.
func Start(ctx context.Context, kind Kind, d Dirs, wire string) (*Emulator, error) {
	if err := os.MkdirAll(d.State("tmp", string(kind)), 0o755); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	e := &Emulator{
		Kind: kind, Endpoint: "http://127.0.0.1:" + port,
		exited: make(chan struct{}), log: d.State(string(kind) + ".log"),
	}
	var health string
	switch kind {
	case Ministack:
		e.cmd, health = ministackCommand(d, port, wire), "/_ministack/health"
	case LocalStack:
		e.cmd, health = localStackCommand(d, port, wire), "/_localstack/health"
	default:
		return nil, fmt.Errorf("EMULATOR must be ministack or localstack, not %q", kind)
	}
	out, err := os.Create(e.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	e.cmd.Stdout, e.cmd.Stderr = out, out
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C must not end it: Stop ends it and its functions
	if err := e.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s can't start: %w", kind, err)
	}
	go func() { _ = e.cmd.Wait(); close(e.exited) }()
	if err := e.await(ctx, health, 2*time.Minute); err != nil {
		e.Stop()
		return nil, fmt.Errorf("%s did not become ready: %w\nthe end of its log (%s):\n%s",
			kind, err, e.log, e.LogTail())
	}
	return e, nil
}

func ministackCommand(d Dirs, port, wire string) *exec.Cmd {
	cmd := exec.Command(d.Tools("ministack", "bin", "ministack"))
	cmd.Env = append(os.Environ(),
		"GATEWAY_PORT="+port, "BIND_HOST=127.0.0.1", "MINISTACK_HOST=127.0.0.1",
		"PERSIST_STATE=0", "LAMBDA_EXECUTOR=local", "DOCKER_HOST=unix:///nonexistent", "LOG_LEVEL=WARNING",
		"TMPDIR="+d.State("tmp", string(Ministack)),
		"S3_DATA_DIR="+d.State("tmp", "ministack-s3"), "STATE_DIR="+d.State("tmp", "ministack-state"),
		"AWS_ENDPOINT_URL="+wire) // the functions inherit it
	return cmd
}

// localStackCommand runs LocalStack from its image if a Docker engine answers, and
// otherwise from its PyPI packages in host mode. The image is untested: it was never run
// beside a Docker engine.
func localStackCommand(d Dirs, port, wire string) *exec.Cmd {
	if exec.Command("docker", "info").Run() == nil {
		return exec.Command("docker", "run", "--rm", "--network=host",
			"-e", "GATEWAY_LISTEN=127.0.0.1:"+port, "-e", "SQS_ENDPOINT_STRATEGY=path",
			"-e", "LOCALSTACK_HOST=127.0.0.1:"+port,
			"-v", "/var/run/docker.sock:/var/run/docker.sock", "localstack/localstack:4.14.0")
	}
	cmd := exec.Command(d.Tools("localstack", "bin", "python"), "-m", "localstack.runtime.main")
	cmd.Env = append(os.Environ(),
		"FILESYSTEM_ROOT="+d.Tools("localstack-root"),
		"GATEWAY_LISTEN=127.0.0.1:"+port, "LOCALSTACK_HOST=127.0.0.1:"+port,
		"OVERRIDE_IN_DOCKER=0", // with a /.dockerenv it would ignore FILESYSTEM_ROOT
		"SKIP_SSL_CERT_DOWNLOAD=1", "DISABLE_EVENTS=1", "DNS_ADDRESS=0", "LOCALSTACK_API_KEY=", "LOCALSTACK_AUTH_TOKEN=",
		"DYNAMODB_IN_MEMORY=1", "PERSISTENCE=0", "DDB_LOCAL_TELEMETRY=0",
		"SQS_ENDPOINT_STRATEGY=path", // other queue URLs have hosts that don't resolve
		"PYTHONPATH="+filepath.Join(d.Root, "localstack", "python"),
		"GATEWAY_SERVER=loopback", "LAMBDA_RUNTIME_EXECUTOR=process",
		"TMPDIR="+d.State("tmp", "localstack"), "XDG_CACHE_HOME="+d.State("tmp", "localstack"),
		"ROLLCALL_FUNCTIONS_ENDPOINT="+wire,
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION="+Region)
	return cmd
}

func (e *Emulator) await(ctx context.Context, path string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.Endpoint+path, nil)
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
		case <-e.exited:
			return errors.New("it exited")
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Exited is closed when the emulator has ended.
func (e *Emulator) Exited() <-chan struct{} { return e.exited }

// Log is the file of its output.
func (e *Emulator) Log() string { return e.log }

// Stop ends the emulator and every function process it started.
func (e *Emulator) Stop() {
	group := -e.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-e.exited:
	case <-time.After(8 * time.Second):
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // what is left of the group, if anything
	<-e.exited
}

// Kill ends the emulator as a crash would. Its data is gone.
func (e *Emulator) Kill() {
	_ = syscall.Kill(-e.cmd.Process.Pid, syscall.SIGKILL) // an error means that it has ended already
	<-e.exited
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// LogTail is the end of its output.
func (e *Emulator) LogTail() string {
	b, err := os.ReadFile(e.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// PID is the id of the emulator's process, and of the process group of its functions.
func (e *Emulator) PID() int { return e.cmd.Process.Pid }
