package scenario

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// deadly is the text at which the program of a mortal ends.
const deadly = "a text that ends the program"

// mortal is an agent's program under a supervisor. It ends when it is handed a deadly text: its connections break, and
// nothing listens at its address. Its supervisor starts it again, and it registers.
type mortal struct {
	a       *agent
	address string
	ended   chan struct{}
}

// start starts the program.
func (m *mortal) start(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", m.address)
	if err != nil {
		return err
	}
	m.address = listener.Addr().String()
	server := &http.Server{ReadHeaderTimeout: time.Minute}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), deadly) {
			_ = server.Close()
			panic(http.ErrAbortHandler)
		}
		r.Body = http.NoBody
		m.a.receivePush(w, r)
	})
	go func() {
		_ = server.Serve(listener)
		m.ended <- struct{}{}
	}()
	return m.a.registerAccepted(ctx, "", "http://"+m.address)
}

// supervise starts the program again each time that it ends.
func (m *mortal) supervise(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.ended:
			wait(ctx, restartAfter)
			if m.start(ctx) != nil && ctx.Err() == nil {
				m.ended <- struct{}{}
			}
		}
	}
}

// diesOf is the story of an agent whose program ends at each of so many messages, which are all that it has. From the
// first time that the status says that pushes fail, it names one of them and the command that ends it, at each read:
// also where the last try met nothing that listens, as the program was being started.
func diesOf(messages int) func(context.Context, Platform) {
	return func(ctx context.Context, p Platform) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		a := healthyAgent(ctx, p, pushed)
		defer a.leave()
		m := &mortal{a: a, address: "127.0.0.1:0", ended: make(chan struct{}, 2)}
		must(m.start(ctx))
		must(a.awaitTried(ctx))
		go m.supervise(ctx)
		commands := map[string]string{} // by the message that each ends
		for range messages {
			id := uuid.NewString()
			r, err := p.Do(ctx, "POST", "/workspaces/"+a.id+"/a2a", "", client.Message(id, deadly))
			if err == nil && r.Status != http.StatusOK && r.Status != http.StatusAccepted {
				err = fmt.Errorf("the message was answered %d: %s", r.Status, r.Raw)
			}
			must(err)
			commands[id] = "rollcall cancel " + a.id + " " + id
		}
		mustGet(a.awaitVerdict(ctx, pushFailing))
		for end := time.Now().Add(200 * time.Second); time.Now().Before(end); wait(ctx, 2*time.Second) {
			must(checkNamesOne(mustGet(a.explained(ctx)), commands))
		}
		for id := range commands {
			mustGet(a.operate(ctx, http.StatusOK, "messages/"+id+"/cancel", nil))
			must(a.awaitMessage(ctx, id, "cancelled"))
			delete(commands, id)
			if len(commands) > 0 {
				must(checkNamesNone(mustGet(a.explained(ctx)), a, id))
			}
		}
		must(a.awaitOutlook(ctx, goodOutlook))
		must(a.arrivedInOrder(ctx))
	}
}

// checkNamesOne checks that an explanation blames the agent, and names one of the messages that end it.
func checkNamesOne(said string, commands map[string]string) error {
	named := false
	for id, command := range commands {
		named = named || strings.Contains(said, command) && strings.Contains(said, "message "+id+": ")
	}
	for _, wrong := range []string{"nothing listens", "due now", "start the agent's server"} {
		if strings.Contains(said, wrong) {
			return fmt.Errorf("the agent runs, and the explanation says %q:\n%s", wrong, said)
		}
	}
	if !named || !strings.Contains(said, "at fault: the agent") ||
		!strings.Contains(said, "Its agent goes away each time that it is handed one of its messages.") {
		return fmt.Errorf("the explanation names none of the messages that end the agent:\n%s", said)
	}
	return nil
}

// checkNamesNone checks that an explanation does not name a message that has ended as one to cancel.
func checkNamesNone(said string, a *agent, id string) error {
	if strings.Contains(said, "rollcall cancel "+a.id+" "+id) {
		return fmt.Errorf("the message has ended, and the explanation says:\n%s", said)
	}
	return nil
}
