// Package stages shows that any number of stages of the stack stand in one account and
// region of an emulator.
package stages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/rollcall/rollcall/localstack/platform/deploy"
	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/platform/wire"
	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/token"
)

// stage is one stage on the emulator.
type stage struct {
	client.Client
	*deploy.Deployment
	name string
	aws  aws.Config
}

// account is an emulator that stages are deployed to.
type account struct {
	*emulator.Emulator
	dirs emulator.Dirs
	wire *wire.Wire
}

// start starts the emulator.
func start(ctx context.Context, dirs emulator.Dirs) (*account, error) {
	w, err := wire.Listen()
	if err != nil {
		return nil, err
	}
	e, err := emulator.Start(ctx, emulator.Ministack, dirs, w.URL)
	if err != nil {
		w.Close()
		return nil, err
	}
	w.Connect(e.Endpoint)
	return &account{e, dirs, w}, nil
}

func (a *account) close() {
	a.Stop()
	a.wire.Close()
}

// deploy deploys one stage.
func (a *account) deploy(ctx context.Context, name string) (*stage, error) {
	operator, digest := token.Mint(token.Operator)
	d, err := deploy.Deploy(ctx, a.Emulator, a.dirs, deploy.Config{Stage: name, Operator: digest})
	if err != nil {
		return nil, err
	}
	url, err := d.HTTPAPI(a.Emulator)
	return &stage{client.Client{URL: url, OperatorToken: operator}, d, name, emulator.Client(a.Endpoint)}, err
}

// SideBySide deploys two stages, uses both, and lets one sweep.
func SideBySide(ctx context.Context, dirs emulator.Dirs, report io.Writer) error {
	a, err := start(ctx, dirs)
	if err != nil {
		return err
	}
	defer a.close()
	beta, err := a.deploy(ctx, "beta")
	if err != nil {
		return err
	}
	gamma, err := a.deploy(ctx, "gamma")
	if err != nil {
		return err
	}
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"jsonrpc":"2.0","id":"1","result":{}}`)) // a caller that is gone needs no answer
	}))
	defer agent.Close()
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"no function, queue or table of one is the other's", func() error { return apart(beta, gamma) }},
		{"each delivers to a workspace of the same id", func() error {
			return errors.Join(beta.delivers(ctx, agent.URL), gamma.delivers(ctx, agent.URL))
		}},
		{"neither knows the other's workspaces", func() error { return beta.keepsItsOwn(ctx, gamma) }},
		{"a sweep removes orphans of its own stage and no queue of the other", func() error {
			return beta.sweepsItsOwn(ctx, gamma)
		}},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		fmt.Fprintln(report, "  ok   ", step.what)
	}
	return nil
}

// own are the types of resources that no two stages may share.
var own = []string{"AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::ApiGatewayV2::Api"}

// apart reports a resource that both stages have.
func apart(a, b *stage) error {
	others := slices.Collect(maps.Values(b.Physical))
	for id, physical := range a.Physical {
		if kind := a.Template.Resources[id].Type; slices.Contains(own, kind) && slices.Contains(others, physical) {
			return fmt.Errorf("both stages have the %s %s", kind, physical)
		}
	}
	return nil
}

// delivers pushes a message to an agent, so that the stage has a chat queue.
func (s *stage) delivers(ctx context.Context, agent string) error {
	_, err := s.must(ctx, "POST", "/registry/register", "", map[string]any{"id": "same", "url": agent})
	if err != nil {
		return err
	}
	if _, err := s.must(ctx, "POST", "/workspaces/same/a2a", "", client.Message("m-"+s.name, "hello")); err != nil {
		return err
	}
	return client.Until(ctx, time.Minute, func() error {
		r, err := s.must(ctx, "GET", "/workspaces/same/messages/m-"+s.name, s.OperatorToken, nil)
		if err == nil && r.Text("state") != "delivered" {
			err = fmt.Errorf("the message is %s", r.Text("state"))
		}
		return err
	})
}

func (s *stage) must(ctx context.Context, method, path, token string, body any) (client.Reply, error) {
	r, err := s.Do(ctx, method, path, token, body)
	if err == nil && r.Status >= 300 {
		err = fmt.Errorf("stage %s: %s %s answers %d: %s", s.name, method, path, r.Status, r.Raw)
	}
	return r, err
}

// keepsItsOwn creates a workspace that the other stage must not know.
func (s *stage) keepsItsOwn(ctx context.Context, other *stage) error {
	id := "only-" + s.name
	if _, err := s.must(ctx, "POST", "/workspaces", s.OperatorToken, map[string]any{"id": id}); err != nil {
		return err
	}
	r, err := other.Do(ctx, "GET", "/workspaces/"+id, "", nil)
	if err == nil && r.Status != http.StatusNotFound {
		err = fmt.Errorf("stage %s answers %d: %s", other.name, r.Status, r.Raw)
	}
	return err
}

// sweepsItsOwn makes an orphan in both stages and sweeps one.
func (s *stage) sweepsItsOwn(ctx context.Context, other *stage) error {
	used, err := s.queues(ctx)
	if err != nil {
		return err
	}
	before, err := other.queues(ctx)
	if err == nil && (len(used) != 1 || len(before) != 1) {
		err = fmt.Errorf("the stages have the chat queues %v and %v, not one each", used, before)
	}
	if err != nil {
		return err
	}
	for _, stage := range []*stage{s, other} {
		if err := stage.makeOrphan(ctx); err != nil {
			return err
		}
	}
	if err := s.sweep(ctx); err != nil {
		return err
	}
	after, err := s.queues(ctx)
	if err == nil && !slices.Equal(after, used) {
		err = fmt.Errorf("stage %s has %v after its sweep, and should have %v", s.name, after, used)
	}
	if err != nil {
		return err
	}
	untouched, err := other.queues(ctx)
	if err == nil && (len(untouched) != 2 || !slices.Contains(untouched, before[0])) {
		err = fmt.Errorf("stage %s has only %v after the other's sweep", other.name, untouched)
	}
	return err
}

func (s *stage) prefix() string { return s.Env["rollcall-sweeper"]["ROLLCALL_QUEUE_PREFIX"] }

// queues are the names of the stage's chat queues.
func (s *stage) queues(ctx context.Context) ([]string, error) {
	out, err := sqs.NewFromConfig(s.aws).ListQueues(ctx, &sqs.ListQueuesInput{QueueNamePrefix: aws.String(s.prefix())})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, url := range out.QueueUrls {
		names = append(names, path.Base(url))
	}
	return names, nil
}

// makeOrphan makes a chat queue that no workspace has.
func (s *stage) makeOrphan(ctx context.Context) error {
	_, err := sqs.NewFromConfig(s.aws).CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: aws.String(s.prefix() + "nobody-g0.fifo"), Attributes: map[string]string{"FifoQueue": "true"},
	})
	return err
}

// sweep runs the sweeper with its clock at a minute at which a round of the queues begins.
func (s *stage) sweep(ctx context.Context) error {
	functions, name := lambda.NewFromConfig(s.aws), s.Functions["rollcall-sweeper"]
	now := time.Now()
	environment := maps.Clone(s.Env["rollcall-sweeper"])
	environment["ROLLCALL_CLOCK_OFFSET"] = now.Truncate(time.Hour).Add(time.Hour + time.Second).Sub(now).String()
	_, err := functions.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &name, Environment: &types.Environment{Variables: environment},
	})
	if err != nil {
		return err
	}
	updated := lambda.NewFunctionUpdatedV2Waiter(functions)
	if err := updated.Wait(ctx, &lambda.GetFunctionInput{FunctionName: &name}, time.Minute); err != nil {
		return err
	}
	out, err := functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name, Payload: []byte(`{}`)})
	if err == nil && out.FunctionError != nil {
		err = fmt.Errorf("the sweeper: %s: %s", *out.FunctionError, out.Payload)
	}
	return err
}
