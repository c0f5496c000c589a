package main

import (
	"context"
	"log"
	"net"
	"net/http"
	"time"
)

// run serves the agent's A2A endpoint, registers its URL and sends heartbeats
// until ctx ends. When registering fails, it returns the HTTP status of the
// refusal, 0 if there was no answer.
func (a *agent) run(ctx context.Context) (status int, err error) {
	// Listen first: the platform may push mail as soon as it knows the URL.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	server := &http.Server{Handler: http.HandlerFunc(a.receive), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	defer server.Close()

	url := "http://" + l.Addr().String()
	epoch, status, err := a.register(ctx, url)
	if err != nil {
		return status, err
	}
	a.keepLease(ctx, url, epoch)
	return 0, nil
}

// registerRequest tells the platform who the agent is and where it listens. An
// agent without a URL leaves it out, and polls for its mail.
type registerRequest struct {
	ID             string    `json:"id"`
	URL            string    `json:"url"`
	Card           agentCard `json:"agent_card"`
	EnrolmentToken string    `json:"enrolment_token"`
}

// agentCard describes the agent to others.
type agentCard struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// registerReply is what the agent needs of the answer. AuthToken is empty unless
// the platform issued a new credential.
type registerReply struct {
	AuthToken    string `json:"auth_token"`
	DeliveryMode string `json:"delivery_mode"`
	Epoch        int64  `json:"epoch"`

	WebhookSecret string `json:"webhook_secret"`
}

// register announces the agent and keeps the credential that it may be given. The
// epoch numbers this registration.
func (a *agent) register(ctx context.Context, url string) (epoch int64, status int, err error) {
	var reply registerReply
	status, err = a.call(ctx, "/registry/register", registerRequest{
		ID: a.id, URL: url, Card: agentCard{"example agent", url}, EnrolmentToken: a.enrolment,
	}, &reply)
	if err != nil {
		return 0, status, err
	}
	if err := a.keep(reply.AuthToken); err != nil {
		return 0, 0, err
	}
	a.knows(reply.WebhookSecret)
	log.Printf("registered at %s, delivery mode %s", url, reply.DeliveryMode)
	return reply.Epoch, status, nil
}

// keepLease sends a heartbeat at once and then at every tick until ctx ends, and
// does what the answers ask. One that fails is only logged: the next one may succeed
// before the lease has ended.
func (a *agent) keepLease(ctx context.Context, url string, epoch int64) {
	tick := time.NewTicker(a.beat)
	defer tick.Stop()
	for {
		action, err := a.heartbeat(ctx, epoch)
		if err == nil {
			epoch, err = a.do(ctx, action, url, epoch)
		}
		if err != nil && ctx.Err() == nil {
			log.Printf("heartbeat: %v", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// heartbeatRequest renews the lease. ActiveTasks tells the platform how busy the
// agent is. Epoch is the one that registering returned: by it the platform tells
// apart two agents that run under one id.
type heartbeatRequest struct {
	WorkspaceID string  `json:"workspace_id"`
	ActiveTasks int     `json:"active_tasks"`
	ErrorRate   float64 `json:"error_rate"`
	Epoch       int64   `json:"epoch"`
}

// heartbeat renews the lease once, and returns what the platform asks in its answer.
func (a *agent) heartbeat(ctx context.Context, epoch int64) (action string, err error) {
	var reply struct {
		Action string `json:"action"`
	}
	_, err = a.call(ctx, "/registry/heartbeat", heartbeatRequest{
		WorkspaceID: a.id, ActiveTasks: a.activeTasks(), Epoch: epoch,
	}, &reply)
	return reply.Action, err
}

// do does what the platform asks. A URL ends with the credential that it was
// registered with, so the first call with a new one is a register.
func (a *agent) do(ctx context.Context, action, url string, epoch int64) (int64, error) {
	switch action {
	case "rotate":
		if err := a.rotate(ctx); err != nil {
			return epoch, err
		}
	case "register":
	default:
		return epoch, nil
	}
	fresh, _, err := a.register(ctx, url)
	if err != nil {
		return epoch, err
	}
	return fresh, nil
}

// activeTasks is 1 while the agent works on a message.
func (a *agent) activeTasks() int {
	if a.working.TryLock() {
		a.working.Unlock()
		return 0
	}
	return 1
}
