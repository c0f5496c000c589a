package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// answerStories are about what an agent answers, and what that makes of its mail.
var answerStories = slices.Concat(
	noDeliveries,
	poisons,
	[]story{
		{"an empty 202 is a delivery", emptyAnswer},
		{"an agent takes each message and fails each task", tasksFail},
		{"an agent that failed its tasks is restarted, and mended at the second time", tasksMended},
		{"one message that the agent can't take, between others: it is lost, and that is told", refusedForGood},
		{"a message that ends its agent at each start lets the others pass, and dies", endsItsAgent},
		{"an agent ends at its only message each time: the message is named at each read", diesOf(1)},
		{"an agent ends at each of its two messages: one is named at each read", diesOf(2)},
		{"messages of a kind that the agent does not know leave it healthy", unknownMethods},
		{"an agent whose model provider is down for a while loses no mail", providerOutage},
		{"mail that expired while its agent was away is told, and can be sent again", expiredAway},
	},
)

// noDeliveries are answers that are no delivery, and what is said of each.
var noDeliveries = []story{
	noDelivery("a page with status 200", 200, "text/html", "<html><title>Welcome</title></html>",
		outlook{pushFailing, "check_url", `text/html: "Welcome"`, "retrying"}, "network"),
	noDelivery("a sign-in page", 200, "text/html", "<!doctype html><TITLE>Sign in</TITLE>",
		outlook{pushFailing, "check_url", `text/html: "Sign in"`, "retrying"}, "network"),
	noDelivery("an error as a text, with status 200", 200, "application/json", `{"error":"model quota exceeded"}`,
		outlook{pushFailing, "inspect", "model quota exceeded", "retrying"}, "agent"),
	noDelivery("an error of an unusual shape", 200, "application/json",
		`{"jsonrpc":"2.0","id":1,"error":{"code":"E42","message":{"detail":"no key"}}}`,
		outlook{pushFailing, "inspect", "no key", "retrying"}, "agent"),
	noDelivery("a JSON-RPC error of the agent", 200, "application/json",
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"internal"}}`,
		outlook{pushFailing, "inspect", `error -32603: "internal"`, "retrying"}, "agent"),
	noDelivery("a result that says that it failed", 200, "application/json",
		`{"jsonrpc":"2.0","id":1,"result":{"success":false,"message":"no model"}}`,
		outlook{pushFailing, "inspect", `the agent answered that it failed: "no model"`, "retrying"}, "agent"),
	noDelivery("a result of nothing", 200, "application/json", `{"jsonrpc":"2.0","id":1,"result":null}`,
		outlook{pushFailing, "inspect", "neither a task nor a message", "retrying"}, "agent"),
	noDelivery("JSON that answers nothing", 200, "application/json", `{"ok":true}`,
		outlook{pushFailing, "check_url", `{"ok":true}`, "retrying"}, "network"),
	noDelivery("a wrong path that answers in JSON", 404, "application/json", `{"error":"Not Found"}`,
		outlook{pushFailing, "check_url", `HTTP 404: "Not Found"`, "retrying"}, "network"),
	noDelivery("a proxy's 503, while heartbeats say idle", 503, "text/html", "<title>no backend</title>",
		outlook{pushFailing, "check_url", "no backend", "retrying"}, "network"),
	noDelivery("an error status of the agent", 500, "text/plain", "panic: nil map",
		outlook{pushFailing, "inspect", "HTTP 500", "retrying"}, "agent"),
}

// poisons are the ways in which one message alone can fail, and what is said of each.
var poisons = []story{
	poison("is answered with an error", answeringRPC(-32603, "can't read it"), "can't read it"),
	poison("hangs the agent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"did not answer in time"),
	poison("has the agent close the connection",
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "closed before an answer"),
	poison("is answered with a page", answering(http.StatusBadGateway, "text/html", "<title>Bad Gateway</title>"),
		"Bad Gateway"),
	poison("is answered with half of an answer",
		answering(http.StatusOK, "application/json", `{"jsonrpc":"2.0","id":1,"resu`), `{"jsonrpc`),
}

// poison is the story of a message that always fails, between others that don't: they pass
// soon, and it dies with its cause. hint is a part of what is said of it.
func poison(title string, fail http.HandlerFunc, hint string) story {
	title = "a message that alone " + title + " lets the others pass, and dies"
	return story{title, func(ctx context.Context, p Platform) {
		a := healthyAgent(ctx, p, pushed)
		defer a.leave()
		id := a.sendFailing(ctx, fail)
		a.sent = nil
		v := mustGet(a.awaitVerdict(ctx, pushFailing))
		if !strings.Contains(v.Text("hint"), hint) {
			must(fmt.Errorf("the hint does not say %q: %s", hint, v.Raw))
		}
		must(a.checkPromised(ctx, "retrying"))
		must(a.arrivedInOrder(ctx))
		must(a.awaitOutlook(ctx, goodOutlook))
		must(within(ctx, 2*patience, func(ctx context.Context) error { return a.awaitMessage(ctx, id, "dead") }))
		must(a.checkExplained(ctx, "1 message ended undelivered", hint, "rollcall receipts "+a.id+" --lost"))
		must(a.awaitOutlook(ctx, goodOutlook)) // one that fails alone says nothing of the agent
		must(a.arrivedInOrder(ctx))
	}}
}

// restartAfter is how long a supervisor waits before it starts an agent again.
const restartAfter = time.Second

// endsItsAgent is the story of an agent whose process ends when it reads a message: its supervisor starts it again, and
// it registers the same URL.
func endsItsAgent(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	url := a.server.URL
	ended, boots := make(chan struct{}, 1), make(chan error, 100)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-ended:
				wait(ctx, restartAfter)
				boots <- a.registerAccepted(ctx, "", url)
			}
		}
	}()
	id := a.sendFailing(ctx, func(http.ResponseWriter, *http.Request) {
		select {
		case ended <- struct{}{}:
		default: // it is being started again
		}
		panic(http.ErrAbortHandler)
	})
	a.sent = nil
	for range 2 {
		_, _, err := a.send(ctx)
		must(err)
	}
	must(a.arrivedInOrder(ctx))
	must(within(ctx, 2*patience, func(ctx context.Context) error { return a.awaitMessage(ctx, id, "dead") }))
	must(a.checkExplained(ctx, "1 message ended undelivered", "end the same way",
		"rollcall receipts "+a.id+" --lost", "rollcall dismiss "+a.id+" --lost"))
	must(a.awaitNoEvidence(ctx, "the last delivery failed")) // up to the next try, what failed before the start stands
	must(a.awaitOutlook(ctx, goodOutlook))
	must(a.arrivedInOrder(ctx))
	if n := len(boots); n > 6 {
		must(fmt.Errorf("it was started %d times before the message was dead", n))
	}
	for range len(boots) {
		must(<-boots)
	}
}

// noDelivery is the story of an agent that gives an answer to everything, and later a
// good one.
func noDelivery(title string, status int, contentType, body string, want outlook, hop string) story {
	return story{"no delivery: " + title, func(ctx context.Context, p Platform) {
		a := healthyAgent(ctx, p, pushed)
		defer a.leave()
		recorder := a.recordVerdicts(ctx)
		a.serve(answering(status, contentType, body))
		_, _, err := a.send(ctx)
		must(err)
		must(a.awaitOutlook(ctx, want))
		must(a.checkExplained(ctx, "at fault: the "+hop))
		a.serve(nil)
		must(a.arrivedOnce(ctx))
		must(a.awaitOutlook(ctx, goodOutlook))
		must(recorder.recorded(healthy, pushFailing, healthy))
	}}
}

func emptyAnswer(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	a.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	must(a.awaitOutlook(ctx, goodOutlook))
	must(a.arrived(ctx))
	must(a.keepsVerdict(ctx, healthy, time.Second))
}

// failedTask is the answer of an agent that fails its task.
const failedTask = `{"jsonrpc":"2.0","id":1,"result":{"kind":"task","id":"t","status":{"state":"failed","message":` +
	`{"role":"agent","parts":[{"kind":"text","text":"invalid x-api-key"}]}}}}`

func tasksFail(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	a.serve(answering(http.StatusOK, "application/json", failedTask))
	for range 3 {
		id, _, err := a.send(ctx)
		must(err)
		must(a.awaitMessage(ctx, id, "delivered"))
		if r := mustGet(a.receipt(ctx, id)); !strings.Contains(string(r.Raw), "invalid x-api-key") {
			must(fmt.Errorf("the receipt does not say why: %s", r.Raw))
		}
	}
	must(a.awaitOutlook(ctx, outlook{answersFailing, "inspect", "invalid x-api-key", "now"}))
	must(a.checkExplained(ctx, "at fault: the agent"))
	must(a.keepsVerdict(ctx, answersFailing, 2*time.Second))
	must(a.arrived(ctx))
	a.sent = nil
	a.serve(nil)
	_, _, err := a.send(ctx)
	must(err)
	must(a.arrivedInOrder(ctx))
	must(a.awaitOutlook(ctx, goodOutlook))
	must(recorder.recorded(healthy, answersFailing, healthy))
}

// tasksMended: a new boot is asked by a probe, and needs no mail to be well. One that answers
// the probe with a failed task is not.
func tasksMended(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	url := a.serve(answering(http.StatusOK, "application/json", failedTask))
	for range 3 {
		id, _, err := a.send(ctx)
		must(err)
		must(a.awaitMessage(ctx, id, "delivered"))
	}
	must(a.awaitOutlook(ctx, outlook{answersFailing, "inspect", "invalid x-api-key", ""}))
	must(a.registerAccepted(ctx, "", url)) // it is restarted, and has the same key
	must(within(ctx, soon, func(ctx context.Context) error {
		v, err := a.view(ctx)
		if err == nil {
			err = checkAdvice(v, "inspect", "its last 4 tasks failed")
		}
		return err
	}))
	must(a.awaitOutlook(ctx, outlook{answersFailing, "inspect", "invalid x-api-key", ""}))
	a.serve(nil)
	r := mustGet(a.operate(ctx, 202, "probe", nil))
	must(a.awaitMessage(ctx, r.Text("message_id"), "delivered"))
	must(a.keepsVerdict(ctx, answersFailing, 2*time.Second)) // the agent does no work for a probe
	must(a.registerAccepted(ctx, "", url))
	must(a.awaitOutlook(ctx, outlook{healthy, "", "", ""}))
	must(a.awaitHistory(ctx, healthy))
	a.sent = nil
	must(a.awaitOutlook(ctx, goodOutlook))
	must(a.arrivedInOrder(ctx))
	must(recorder.recorded(healthy, answersFailing, healthy))
}

// failingOne has fail answer the message that setFailing names, and takes all others.
func (a *agent) failingOne(fail http.HandlerFunc) http.HandlerFunc {
	take := answering(http.StatusOK, "application/json", `{"jsonrpc":"2.0","id":1,"result":{}}`)
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Rollcall-Message-Id")
		a.mu.Lock()
		failing := id == a.failing
		if !failing {
			a.received = append(a.received, id)
		}
		a.mu.Unlock()
		if failing {
			fail(w, r)
			return
		}
		take(w, r)
	}
}

func (a *agent) setFailing(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failing = id
}

// rpcError is a JSON-RPC error.
func rpcError(code int, message string) string {
	raw, _ := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "id": 1, "error": map[string]any{"code": code, "message": message},
	})
	return string(raw)
}

// answeringRPC answers with a JSON-RPC error.
func answeringRPC(code int, message string) http.HandlerFunc {
	return answering(http.StatusOK, "application/json", rpcError(code, message))
}

// sendFailing sends a message that fail answers, and none but it.
func (a *agent) sendFailing(ctx context.Context, fail http.HandlerFunc) (id string) {
	named := make(chan struct{})
	answer := a.failingOne(fail)
	a.serve(func(w http.ResponseWriter, r *http.Request) {
		<-named
		answer(w, r)
	})
	id, _, err := a.send(ctx)
	a.setFailing(id)
	close(named)
	must(err)
	return id
}

func refusedForGood(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	id := a.sendFailing(ctx, answeringRPC(-32602, "no such skill"))
	must(a.awaitMessage(ctx, id, "dead"))
	a.sent = nil
	must(a.awaitOutlook(ctx, goodOutlook))
	must(a.arrivedInOrder(ctx))
	must(a.checkExplained(ctx, "1 message ended undelivered", "no such skill", "rollcall receipts "+a.id+" --lost"))
	must(recorder.recorded(healthy))
	a.setFailing("")
	r, err := p.Do(ctx, "POST", "/workspaces/"+a.id+"/messages/"+id+"/redrive", p.OperatorToken, nil)
	must(wantStatus(r, err, http.StatusOK))
	must(a.awaitMessage(ctx, id, "delivered"))
	if text := mustGet(a.explained(ctx)); strings.Contains(text, "undelivered") {
		must(fmt.Errorf("it was sent again, and is still told: %s", text))
	}
}

func unknownMethods(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	taken, _, err := a.send(ctx)
	must(err)
	must(a.awaitMessage(ctx, taken, "delivered"))
	for _, answer := range []http.HandlerFunc{
		answeringRPC(-32601, "Method not found"), answeringRPC(-32001, "Task not found"),
		answeringRPC(-32004, "no streaming"), answeringRPC(-32601, "Method not found"),
	} {
		a.serve(answer)
		id := mustGet(a.sendBody(ctx, streamed(uuid.NewString())))
		must(a.awaitMessage(ctx, id, "dead"))
	}
	if text := mustGet(a.explained(ctx)); strings.Contains(text, "undelivered") {
		must(fmt.Errorf("what its senders wrote is told of the agent: %s", text))
	}
	must(recorder.recorded(healthy))
	a.serve(nil)
	id, _, err := a.send(ctx)
	must(err)
	must(a.awaitMessage(ctx, id, "delivered"))
}

// streamed is a message whose sender wants a stream, which not every agent has.
func streamed(id string) map[string]any {
	m := client.Message(id, "hello")
	m["method"] = "message/stream"
	return m
}

func providerOutage(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	a.serve(answering(http.StatusOK, "application/json", rpcError(-32603, "the model provider is down")))
	id, _, err := a.send(ctx)
	must(err)
	must(a.awaitOutlook(ctx, outlook{pushFailing, "inspect", "the model provider is down", "retrying"}))
	must(a.awaitAttempts(ctx, id, 5))
	must(a.awaitOutlook(ctx, outlook{pushFailing, "inspect", "the model provider is down", "retrying"}))
	wait(ctx, deliveryObjective)
	a.serve(nil)
	must(within(ctx, 2*patience, a.arrivedOnce))
	must(a.awaitOutlook(ctx, goodOutlook))
	must(recorder.recorded(healthy, pushFailing, healthy))
}

func expiredAway(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	a.stopCalls()
	mustGet(a.awaitVerdict(ctx, leaseExpired))
	id, expected, err := a.sendFor(ctx, 2)
	if err != nil || expected != "nobody_is_listening" {
		must(fmt.Errorf("expected %s, %w", expected, err))
	}
	must(a.awaitMessage(ctx, id, "expired"))
	must(a.awaitExpiryCounted(ctx))
	a.sent = nil
	a.startHeartbeats(ctx)
	must(a.awaitOutlook(ctx, goodOutlook)) // the message came while it was away: it says nothing of it now
	must(a.arrivedInOrder(ctx))
	must(a.checkExplained(ctx, "1 message ended undelivered", "takes mail now: rollcall redrive "+a.id))
	r, err := p.Do(ctx, "POST", "/workspaces/"+a.id+"/redrive", p.OperatorToken, nil)
	must(wantStatus(r, err, http.StatusOK))
	must(a.awaitMessage(ctx, id, "delivered"))
}
