package app

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/cost"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/dynamo"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/emulatortest"
	"github.com/rollcall/rollcall/shared/proof/meter"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// bench is the use cases on new tables of the emulator, with one agent that polls, and a meter.
type bench struct {
	*testing.T
	*Env
	meter  meter.Meter
	client func(*aws.Config) // that of the emulator
	id     string
	token  string
	now    time.Time
	cursor string
	handed int // by the last poll
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, id: uuid.NewString(), now: time.Now().UTC()}
	base := emulatortest.Config(t)
	cfg := Config{
		Region: base.Region, AccessKey: "test", SecretKey: "test", Endpoint: *base.BaseEndpoint,
		LeasesTable: "leases-" + b.id, ChatTable: "chat-" + b.id, QueuePrefix: "bench-", DeadLetterURL: "none",
		DeadLetterARN: "none", OperatorHash: strings.Repeat("0", 64), Bootstrap: workspace.Open, Chat: Open, View: Open,
		AgentURLs: push.Private, PushTimeout: 2 * time.Minute, StorePatience: 10 * time.Second, Peers: workspace.PeersFleet,
	}
	db := dynamodb.NewFromConfig(base)
	emulatortest.CreateTable(t, db, cfg.LeasesTable, []string{dynamo.LeaseKey}, nil)
	emulatortest.CreateTable(t, db, cfg.ChatTable, []string{dynamo.ChatPartition, dynamo.ChatSort},
		map[string]string{dynamo.OpenIndex: dynamo.OpenOrder, dynamo.LogIndex: dynamo.LogOrder})
	wakeups, err := sqs.NewFromConfig(base).CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: aws.String("bench-wakeups-" + b.id),
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.WakeupsURL, cfg.SlowWakeups = *wakeups.QueueUrl, *wakeups.QueueUrl
	cfg.CallbackWakeups, cfg.SweepTasksURL = *wakeups.QueueUrl, *wakeups.QueueUrl
	b.client = func(c *aws.Config) { c.HTTPClient = base.HTTPClient }
	if b.Env, err = New(cfg, b.meter.Install, b.client); err != nil {
		t.Fatal(err)
	}
	made, err := b.Registry.Register(t.Context(), registry.Registration{
		ID: b.id, From: "127.0.0.1", Mode: workspace.Poll,
	}, b.now)
	if err != nil {
		t.Fatal(err)
	}
	b.token = made.AuthToken
	b.meter.Reset()
	return b
}

// measure makes an operation, prints what it cost, and fails if that is over its budget.
func (b *bench) measure(name string, budget cost.Units, op func() error) {
	b.Helper()
	b.meter.Reset()
	if err := op(); err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	got := b.meter.Reset()
	f, err := b.Registry.Leases.Get(b.Context(), b.id)
	if err != nil {
		b.Fatal(err)
	}
	size := dynamo.LeaseSize(f)
	fmt.Printf("%-38s calls=%-2d wru=%-5g rru=%-4g index_wru=%-2g item_bytes=%d\n",
		name, got.Calls, got.Write, got.Read, got.IndexEntries, size)
	if got.Calls > budget.Calls || got.Write > budget.Write || got.Read > budget.Read {
		b.Errorf("%s is over its budget of %d calls, %g write units, %g read units",
			name, budget.Calls, budget.Write, budget.Read)
	}
	if size > maxLease {
		b.Errorf("%s: the lease has %d bytes, more than %d", name, size, maxLease)
	}
}

func (b *bench) beat(active int) func() error {
	return func() error {
		_, err := b.Registry.Signal(b.Context(), b.id, b.token, workspace.Signal{
			Kind: workspace.SignalHeartbeat, From: "127.0.0.1", ActiveTasks: &active,
		}, b.now)
		return err
	}
}

// pace is what an answer says beside: when to call next.
func (b *bench) pace() error {
	beat, poll := b.Registry.NextBeat(b.Context(), workspace.Facts{}, b.now), b.Registry.NextPoll(
		b.Context(), workspace.Facts{}, b.now)
	if p := b.Registry.Policy; beat < p.ShortestBeat || poll < p.ShortestPoll {
		return fmt.Errorf("too soon: %s, %s", beat, poll)
	}
	return nil
}

func (b *bench) send(text string) func() error {
	return func() error {
		_, err := b.Delivery.Enqueue(b.Context(), chat.Message{
			Workspace: b.id, Method: "message/send", Priority: chat.Task, Body: chat.TextBody("1", text),
		}, b.now)
		return err
	}
}

// poll hands out what waits, and acknowledges what the poll before was handed.
func (b *bench) poll() error {
	out, err := b.Delivery.Poll(b.Context(), delivery.PollRequest{
		Workspace: b.id, Credential: b.token, From: "127.0.0.1", Limit: 100, Cursor: b.cursor,
	}, b.now)
	if b.handed = len(out.Messages); b.handed > 0 {
		b.cursor = delivery.CursorOf(out.Messages[b.handed-1]).ID(workspace.Life{Workspace: b.id})
	}
	return err
}

func (b *bench) register() error {
	_, err := b.Registry.Register(b.Context(), registry.Registration{
		ID: b.id, Credential: b.token, From: "127.0.0.1", URL: "http://127.0.0.1:1/",
	}, b.now)
	return err
}

// first is the first register of an agent that brings a credential; "": none.
func (b *bench) first(credential string) func() error {
	return func() error {
		_, err := b.Registry.Register(b.Context(), registry.Registration{
			ID: uuid.NewString(), Credential: credential, From: "127.0.0.1", URL: "http://127.0.0.1:1/",
		}, b.now)
		return err
	}
}

// TestBudget holds every hot operation to its budget, counted by DynamoDB's own rule, and prints what it cost. make
// bench shows the lines.
func TestBudget(t *testing.T) {
	b := newBench(t)
	hello := b.send("hello")
	// It makes the issued credential the one in use, with an audit line.
	b.measure("first heartbeat", cost.Units{Calls: 3, Write: 6}, b.beat(0))
	b.measure("heartbeat", cost.Heartbeat, b.beat(0))
	b.measure("pace, once a minute", cost.Units{Calls: 1, Read: 0.5}, b.pace)
	b.measure("1,000 paces in that minute", cost.Units{}, func() error {
		for range 1000 {
			if err := b.pace(); err != nil {
				return err
			}
		}
		return nil
	})
	// A verdict that a heartbeat changes is noted by a second write.
	turns := cost.Units{Calls: cost.Heartbeat.Calls + 1, Write: cost.Heartbeat.Write + 1}
	b.measure("heartbeat that turns busy", turns, b.beat(1))
	b.measure("heartbeat still busy", cost.Heartbeat, b.beat(1))
	b.measure("heartbeat that turns idle", turns, b.beat(0))
	b.now = b.now.Add(time.Second)
	b.measure("poll empty, after a heartbeat", cost.WrittenPoll, b.poll)
	b.now = b.now.Add(5 * time.Second)
	b.measure("poll empty", cost.Units{Calls: 1, Read: 1}, b.poll)
	const polls = 60
	each := cost.EmptyPoll(5*time.Second, 0)
	b.measure("60 empty polls, one in 5 s", cost.Units{
		Calls: polls + polls/5, Write: polls * each.Write, Read: polls * each.Read,
	}, func() error {
		for range polls {
			b.now = b.now.Add(5 * time.Second)
			if err := b.poll(); err != nil {
				return err
			}
		}
		return nil
	})
	b.measure("enqueue (poll target)", cost.Enqueue, hello)
	b.measure("enqueue warm (poll target)", cost.Enqueue, hello)
	b.measure("poll with two messages", cost.Units{Calls: 5, Write: 7, Read: 4}, b.poll)
	b.measure("poll that acknowledges two", cost.Units{Calls: 5, Write: 11, Read: 4}, b.poll)
	b.measure("poll empty, with cursor", cost.WrittenPoll, b.poll)
	// It reads the profile, for the secret that signs. A URL that is new is tried at once.
	b.measure("register a new URL (wakes the drain)", cost.Units{Calls: 4, Write: 4, Read: 2}, b.register)
	wakes := cost.Units{Calls: cost.Enqueue.Calls + 1, Write: cost.Enqueue.Write}
	b.measure("enqueue (push target, wakes the drain)", wakes, hello)
	b.measure("heartbeat with mail (wakes the drain)", cost.Units{Calls: 2, Write: 1}, func() error {
		f, err := b.Registry.Signal(b.Context(), b.id, b.token, workspace.Signal{
			Kind: workspace.SignalHeartbeat, From: "127.0.0.1",
		}, b.now)
		b.Registry.WakeIfDeliverable(b.Context(), f, "heartbeat", b.now)
		return err
	})
	b.measure("an agent's words, when they change", cost.Units{Calls: 1, Write: 1}, func() error {
		said := workspace.Words{PushError: strings.Repeat("x", 300), AnswerError: strings.Repeat("x", 300)}
		return b.Registry.Profiles.Quote(b.Context(), b.id, "http://127.0.0.1:1/", said)
	})
	b.measure("register with mail (wakes the drain)", cost.Units{Calls: 4, Write: 4, Read: 2}, b.register)
	// What is brought has one read more than what is given, and only in a first register.
	b.measure("first register, given a credential", cost.Units{Calls: 6, Write: 16, Read: 3}, b.first(""))
	b.measure("first register, brings a credential", cost.Units{Calls: 7, Write: 16, Read: 4}, b.first(uuid.NewString()))
}

// TestBudgetOfLargeMessages holds messages of 200 KB to their budget: a body is written once, and read once when it is
// handed out.
func TestBudgetOfLargeMessages(t *testing.T) {
	b := newBench(t)
	if err := b.beat(0)(); err != nil { // the first use of the credential
		t.Fatal(err)
	}
	large := b.send(strings.Repeat("a", 200<<10))
	b.measure("200 KB: accept", cost.Units{Calls: 4, Write: 205, Read: 1}, large)
	b.measure("200 KB: hand out", cost.Units{Calls: 6, Write: 5, Read: 54}, b.poll)
	b.measure("200 KB: acknowledge", cost.Units{Calls: 5, Write: 7, Read: 3}, b.poll)
	for range 12 {
		if err := large(); err != nil {
			t.Fatal(err)
		}
	}
	const fit = 7 // into one reply
	b.measure("200 KB: hand out seven of twelve", cost.Units{Calls: 6, Write: 2*fit + 3, Read: 52*fit + 10}, b.poll)
	b.measure("200 KB: audit of thirteen", cost.Units{Calls: 1, Read: 4}, func() error {
		_, _, err := b.Delivery.Ledger.EndedMail(b.Context(), workspace.Life{Workspace: b.id}, "", 1000)
		return err
	})
	if n := b.handed; n != fit {
		t.Errorf("%d messages were handed out, not %d", n, fit)
	}
}

// TestBudgetOfARefusedMessage holds what a sender over its share costs to a budget: it has the mail that waits read
// once in two seconds, for each process, however many messages it sends.
// A sender that is alone has 500 places.
func TestBudgetOfARefusedMessage(t *testing.T) {
	b := newBench(t)
	const flooder = "a-peer-with-an-id-of-36-characters-x"
	send := func(id string) (delivery.Accepted, error) {
		return b.Delivery.Enqueue(t.Context(), chat.Message{
			ID: id, Workspace: b.id, Source: flooder, Method: "message/send", Priority: chat.Task,
			Body: chat.TextBody("1", id),
		}, b.now)
	}
	waiting := 0
	for ; ; waiting++ {
		if _, err := send(fmt.Sprint("m", waiting)); fault.CodeOf(err) == fault.InboxFull {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	fmt.Printf("over a share: %d messages of the sender wait\n", waiting)
	refused := func(times int) func() error {
		return func() error {
			for i := range times {
				if _, err := send(fmt.Sprint("more", i)); fault.CodeOf(err) != fault.InboxFull {
					return fmt.Errorf("not refused: %v", err)
				}
			}
			return nil
		}
	}
	b.now = b.now.Add(time.Minute)
	b.measure("message over a share: refused", cost.Units{Calls: 4, Write: 2, Read: 18}, refused(1))
	b.measure("the next 100 in two seconds", cost.Units{Calls: 200, Read: 200}, refused(100))
	b.measure("message over a share: sent before", cost.Units{Calls: 2, Read: 2}, func() error {
		out, err := send("m0")
		if err == nil && (out.First || out.Message.ID != "m0") {
			err = fmt.Errorf("%+v", out)
		}
		return err
	})
	b.now = b.now.Add(2 * time.Second)
	b.measure("and after two seconds", cost.Units{Calls: 4, Write: 2, Read: 18}, refused(1))
}

// TestBudgetOfAnEndThatIsTold counts what it costs that a workspace is told of a message that was not delivered: two
// write units and a wake-up with the end, and the notice, as any message. The end of a user's message costs what it
// did.
func TestBudgetOfAnEndThatIsTold(t *testing.T) {
	b := newBench(t)
	asks := "asks-" + b.id
	if _, err := b.Registry.Register(t.Context(), registry.Registration{
		ID: asks, From: "127.0.0.2", Mode: workspace.Poll,
	}, b.now); err != nil {
		t.Fatal(err)
	}
	const ends = 6 // the end itself, as a message of a user
	for source, more := range map[string]cost.Units{"": {}, asks: {Calls: 1, Write: 2}} {
		id := "of-" + source
		if _, err := b.Delivery.Enqueue(t.Context(), chat.Message{
			ID: id, Workspace: b.id, Source: source, Method: "message/send", Priority: chat.Task,
			Body: chat.TextBody("1", "hello"),
		}, b.now); err != nil {
			t.Fatal(err)
		}
		b.measure("cancel of "+map[bool]string{true: "a user", false: "a workspace"}[source == ""],
			cost.Units{Calls: 5 + more.Calls, Write: ends + more.Write, Read: 4}, func() error {
				_, err := b.Delivery.Cancel(t.Context(), b.id, id, "a test", b.now)
				return err
			})
	}
	b.measure("notice of the end", cost.Units{Calls: 11, Write: 9, Read: 7}, func() error {
		_, err := b.Delivery.Drain(t.Context(), b.id, "test")
		return err
	})
	f, err := b.Registry.Leases.Get(t.Context(), asks)
	if err != nil || f.Open != 1 {
		t.Errorf("%d messages wait for the one who asked, %v", f.Open, err)
	}
}

// TestBudgetOfAWait counts what it costs that a call waits for somebody else, beside its looks.
func TestBudgetOfAWait(t *testing.T) {
	b := newBench(t)
	b.measure("a place to wait in", cost.Units{Calls: 2, Write: 2}, func() error {
		place := b.Waits.For("workspace " + b.id)
		err := place.Take(t.Context())
		place.GiveBack(t.Context())
		return err
	})
}

// TestBudgetOfABurst holds many senders to one workspace to their budget: none is refused, whoever else sends.
func TestBudgetOfABurst(t *testing.T) {
	const senders, each, burstUnits = 50, 6, 5
	b := newBench(t)
	var refused atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for i := range senders {
		all.Go(func() {
			for n := range each {
				_, err := b.Delivery.Enqueue(context.Background(), chat.Message{
					Workspace: b.id, Method: "message/send", Priority: chat.Task, Source: fmt.Sprint("sender-", i),
					Body: chat.TextBody("1", fmt.Sprint("message ", n)),
				}, b.now)
				if err != nil {
					refused.Add(1)
				}
			}
		})
	}
	all.Wait()
	took, units := time.Since(began), b.meter.Reset().Write/senders/each
	fmt.Printf("%d senders, %d messages: refused=%d wru=%.2f a message, %.0f a second\n",
		senders, senders*each, refused.Load(), units, senders*each/took.Seconds())
	if refused.Load() > 0 || units > burstUnits {
		t.Errorf("%d were refused, %.2f write units a message: none may be, and %d units are the most",
			refused.Load(), units, burstUnits)
	}
}
