package throughput

import (
	"context"
	"fmt"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const jetStreamLacks = "a verdict, a lease, priorities, shares of senders, attempts kept, a fence for a former host; " +
	"a receipt is written beside it (a key of a bucket)"

// stream is JetStream in this process: a consumer for each agent, and a bucket of receipts.
type stream struct {
	js        jetstream.JetStream
	consumers []jetstream.Consumer
	receipts  jetstream.KeyValue
	from      []uint64 // of each agent: how many it was sent
}

func newMemoryStream(t *testing.T, agents int) system {
	return newStream(t, agents, jetstream.MemoryStorage)
}

func newDiskStream(t *testing.T, agents int) system {
	return newStream(t, agents, jetstream.FileStorage)
}

func newStream(t *testing.T, agents int, storage jetstream.StorageType) system {
	t.Helper()
	srv, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
		SyncAlways: storage == jetstream.FileStorage, // a message that is acknowledged survives the machine, as in DynamoDB
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not answer")
	}
	conn, err := nats.Connect(srv.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	s := &stream{from: make([]uint64, agents)}
	if s.js, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	mail, err := s.js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "mail", Subjects: []string{"mail.*"}, Storage: storage, Retention: jetstream.LimitsPolicy,
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.receipts, err = s.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{
		Bucket: "receipts", Storage: storage,
	}); err != nil {
		t.Fatal(err)
	}
	for agent := range agents {
		c, err := mail.CreateConsumer(t.Context(), jetstream.ConsumerConfig{
			Durable: fmt.Sprint("agent-", agent), FilterSubject: subject(agent), AckPolicy: jetstream.AckExplicitPolicy,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.consumers = append(s.consumers, c)
	}
	return s
}

func subject(agent int) string { return fmt.Sprint("mail.", agent) }

func (s *stream) accept(ctx context.Context, agent int, text string) error {
	s.from[agent]++
	id := fmt.Sprintf("%d-%d", agent, s.from[agent])
	_, err := s.js.Publish(ctx, subject(agent), []byte(text), jetstream.WithMsgID(id))
	return err
}

func (s *stream) handOut(_ context.Context, agent int) (handed, error) {
	batch, err := s.consumers[agent].Fetch(1, jetstream.FetchMaxWait(10*time.Second))
	if err != nil {
		return handed{}, err
	}
	for m := range batch.Messages() {
		return handed{m.Headers().Get(nats.MsgIdHdr), m}, nil
	}
	return handed{}, errEmpty
}

func (s *stream) acknowledge(ctx context.Context, _ int, h handed) error {
	if err := h.ack.(jetstream.Msg).DoubleAck(ctx); err != nil {
		return err
	}
	_, err := s.receipts.PutString(ctx, h.id, "delivered")
	return err
}

func (s *stream) receipt(ctx context.Context, _ int, h handed) (bool, error) {
	entry, err := s.receipts.Get(ctx, h.id)
	if err != nil {
		return false, err
	}
	return string(entry.Value()) == "delivered", nil
}
