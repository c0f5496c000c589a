package throughput

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/dynamo"
	"github.com/rollcall/rollcall/shared/proof/emulatortest"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// useCases is Rollcall without HTTP.
type useCases struct {
	*delivery.Delivery
	ids, tokens []string
}

var errEmpty = errors.New("no message was handed out")

// enrol registers as many agents that poll.
func (u *useCases) enrol(t testing.TB, agents int) *useCases {
	t.Helper()
	for range agents {
		id := uuid.NewString()
		made, err := u.Registry.Register(t.Context(), registry.Registration{
			ID: id, From: "127.0.0.1", Mode: workspace.Poll,
		}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		u.ids, u.tokens = append(u.ids, id), append(u.tokens, made.AuthToken)
	}
	return u
}

func (u *useCases) accept(ctx context.Context, agent int, text string) error {
	_, err := u.Enqueue(ctx, chat.Message{
		Workspace: u.ids[agent], Method: "message/send", Priority: chat.Task, Body: json.RawMessage(text),
	}, time.Now())
	return err
}

func (u *useCases) handOut(ctx context.Context, agent int) (handed, error) {
	out, err := u.Poll(ctx, delivery.PollRequest{
		Workspace: u.ids[agent], Credential: u.tokens[agent], From: "127.0.0.1", Limit: 20,
	}, time.Now())
	if err == nil && len(out.Messages) != 1 {
		err = errEmpty
	}
	if err != nil {
		return handed{}, err
	}
	return handed{out.Messages[0].ID, out.Messages[0].Seq}, nil
}

func (u *useCases) acknowledge(ctx context.Context, agent int, h handed) error {
	_, err := u.Ack(ctx, delivery.AckRequest{
		Workspace: u.ids[agent], Credential: u.tokens[agent], From: "127.0.0.1", Seq: h.ack.(int64),
	}, time.Now())
	return err
}

func (u *useCases) receipt(ctx context.Context, agent int, h handed) (bool, error) {
	ms, err := u.Ledger.Messages(ctx, workspace.Life{Workspace: u.ids[agent]}, h.id)
	return len(ms) == 1 && ms[0].State == chat.Delivered, err
}

func newMemory(t *testing.T, agents int) system { return inMemory(t, agents) }

// BenchmarkRules is the work of the table for one agent, in memory: what the rules alone take.
func BenchmarkRules(b *testing.B) {
	s := inMemory(b, 1)
	for b.Loop() {
		if err := cycle(b.Context(), s, 0, sent); err != nil {
			b.Fatal(err)
		}
	}
}

func inMemory(t testing.TB, agents int) system {
	t.Helper()
	p := workspace.DefaultPolicy()
	p.Bootstrap = workspace.Open
	store, clk := memory.NewStore(p), clock.System{}
	reg := &registry.Registry{
		Leases: store, Profiles: store, Owners: store, Enrolments: store, Fleets: store, Wakeups: &memory.Wakeups{},
		Guard: push.New(push.Private, push.Patience{Answer: time.Second}), Policy: p, Clock: clk,
		StatusLog: &statuslog.Log{Store: store, Announcer: &memory.Announcer{}, Policy: p, Clock: clk},
	}
	u := &useCases{Delivery: &delivery.Delivery{
		Registry: reg, Ledger: store, Activity: store, Queues: memory.NewQueues(clk.Now),
		Policy: chat.DefaultPolicy(), Clock: clk,
	}}
	return u.enrol(t, agents)
}

// onEmulator is the configuration of Rollcall on new tables of the emulator.
func onEmulator(t *testing.T) app.Config {
	t.Helper()
	base, name := emulatortest.Config(t), uuid.NewString()
	cfg := app.Config{
		Region: base.Region, AccessKey: "test", SecretKey: "test", Endpoint: *base.BaseEndpoint,
		LeasesTable: "leases-" + name, ChatTable: "chat-" + name, QueuePrefix: "bench-", DeadLetterURL: "none",
		DeadLetterARN: "none", OperatorHash: strings.Repeat("0", 64), Bootstrap: workspace.Open, Chat: app.Open,
		View: app.Open, AgentURLs: push.Private, PushTimeout: 2 * time.Minute, StorePatience: 20 * time.Second,
		Peers: workspace.PeersFleet,
	}
	db := dynamodb.NewFromConfig(base)
	emulatortest.CreateTable(t, db, cfg.LeasesTable, []string{dynamo.LeaseKey}, nil)
	emulatortest.CreateTable(t, db, cfg.ChatTable, []string{dynamo.ChatPartition, dynamo.ChatSort},
		map[string]string{dynamo.OpenIndex: dynamo.OpenOrder, dynamo.LogIndex: dynamo.LogOrder})
	queue, err := sqs.NewFromConfig(base).CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: aws.String("wakeups-" + name),
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.WakeupsURL, cfg.SlowWakeups, cfg.CallbackWakeups = *queue.QueueUrl, *queue.QueueUrl, *queue.QueueUrl
	return cfg
}

// newServer serves the use cases by one HTTP server.
func newServer(t *testing.T, agents int) system {
	t.Helper()
	env, err := app.New(onEmulator(t))
	if err != nil {
		t.Fatal(err)
	}
	u := (&useCases{Delivery: env.Delivery}).enrol(t, agents)
	mux := http.NewServeMux()
	serve := func(pattern string, do func(ctx context.Context, in job) (any, error)) {
		mux.HandleFunc("POST "+pattern, func(w http.ResponseWriter, r *http.Request) {
			var in job
			err := json.NewDecoder(r.Body).Decode(&in)
			var out any
			if err == nil {
				out, err = do(r.Context(), in)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			_ = json.NewEncoder(w).Encode(out)
		})
	}
	serve("/accept", func(ctx context.Context, in job) (any, error) { return nil, u.accept(ctx, in.Agent, in.Text) })
	serve("/hand-out", func(ctx context.Context, in job) (any, error) {
		h, err := u.handOut(ctx, in.Agent)
		in.ID, in.Seq = h.id, 0
		if err == nil {
			in.Seq = h.ack.(int64)
		}
		return in, err
	})
	serve("/acknowledge", func(ctx context.Context, in job) (any, error) {
		return nil, u.acknowledge(ctx, in.Agent, handed{in.ID, in.Seq})
	})
	serve("/receipt", func(ctx context.Context, in job) (any, error) {
		return u.receipt(ctx, in.Agent, handed{in.ID, in.Seq})
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return server{srv.URL, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128}}}
}

// job is what a call to the server names.
type job struct {
	Agent    int
	Text, ID string
	Seq      int64
}

type server struct {
	url    string
	client *http.Client
}

func (s server) call(ctx context.Context, path string, in job, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

func (s server) accept(ctx context.Context, agent int, text string) error {
	return s.call(ctx, "/accept", job{Agent: agent, Text: text}, new(any))
}

func (s server) handOut(ctx context.Context, agent int) (handed, error) {
	var out job
	err := s.call(ctx, "/hand-out", job{Agent: agent}, &out)
	return handed{out.ID, out.Seq}, err
}

func (s server) acknowledge(ctx context.Context, agent int, h handed) error {
	return s.call(ctx, "/acknowledge", job{Agent: agent, ID: h.id, Seq: h.ack.(int64)}, new(any))
}

func (s server) receipt(ctx context.Context, agent int, h handed) (delivered bool, err error) {
	err = s.call(ctx, "/receipt", job{Agent: agent, ID: h.id}, &delivered)
	return delivered, err
}
