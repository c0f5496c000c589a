// Package platform runs Rollcall on this machine: an emulator, the stack deployed
// onto it, the wire between both, and the front door.
package platform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/rollcall/rollcall/localstack/platform/deploy"
	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/platform/frontdoor"
	"github.com/rollcall/rollcall/localstack/platform/rights"
	"github.com/rollcall/rollcall/localstack/platform/wire"
	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/token"
)

// Options are what a platform is started with.
type Options struct {
	Kind     emulator.Kind
	Addr     string        // where the front door listens
	Dirs     emulator.Dirs // of the checkout
	Data     string        // keeps what is accepted for the next start; "": nothing is kept
	Settings any           // a JSON object, as the SETTINGS of a deployment; nil: none
	Layers   []wire.Layer  // on the wire between functions and emulator, outermost first
}

// Platform is a running one: emulator, deployed stack, front door, and the wire
// between functions and emulator. When the emulator is restarted, the address, the
// operator's credential and what was accepted stay the same.
type Platform struct {
	client.Client
	Options
	operator   token.Hash
	wire       *wire.Wire
	rights     rights.Guard
	journal    *wire.Journal // nil: nothing is kept
	Emulator   *emulator.Emulator
	Deployment *deploy.Deployment
	server     *http.Server
	handler    atomic.Pointer[http.Handler] // nil: the stack is not deployed yet
	progress   func(format string, args ...any)
}

// Operator is the digest of the operator's credential.
func (p *Platform) Operator() token.Hash { return p.operator }

// CheckRights is an error if a function called what its role does not allow.
func (p *Platform) CheckRights() error {
	if denied := p.rights.Denied(); len(denied) > 0 {
		return fmt.Errorf("calls were refused for want of a right: %s", strings.Join(denied, "; "))
	}
	return nil
}

// Close stops everything that Start started.
func (p *Platform) Close() {
	_ = p.server.Close()
	if p.Emulator != nil {
		p.Emulator.Stop()
	}
	p.wire.Close()
	if p.journal != nil {
		p.journal.Close()
	}
}

// Start starts an emulator, deploys the stack onto it, and serves the front door.
// It reports its progress on standard error.
func Start(ctx context.Context, o Options) (*Platform, error) {
	l, err := net.Listen("tcp", o.Addr) // first, so that a taken port is reported at once
	if err != nil {
		return nil, fmt.Errorf("can't serve at %s: %w (PORT= chooses another port)", o.Addr, err)
	}
	start := time.Now()
	p := &Platform{Options: o, progress: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%5.1f s  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}}
	p.URL = "http://" + l.Addr().String()
	p.OperatorToken, p.operator = token.Mint(token.Operator)
	layers := append(slices.Clone(o.Layers), p.rights.Layer)
	if o.Data != "" {
		if err := p.openData(); err != nil {
			l.Close()
			return nil, err
		}
		if p.journal != nil {
			layers = append(layers, p.journal.Layer)
		}
	}
	if p.wire, err = wire.Listen(layers...); err != nil {
		l.Close()
		return nil, err
	}
	p.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(p.serve)}
	go func() { _ = p.server.Serve(l) }() // ends with Close
	if err := p.Restart(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// serve is the front door, which answers 503 while the stack is not deployed.
func (p *Platform) serve(w http.ResponseWriter, r *http.Request) {
	if handler := p.handler.Load(); handler != nil {
		(*handler).ServeHTTP(w, r)
		return
	}
	frontdoor.Closed(w, r)
}

// openData opens what an earlier run kept, and takes the operator credential it had.
func (p *Platform) openData() error {
	if err := os.MkdirAll(p.Data, 0o700); err != nil {
		return err
	}
	var err error
	p.journal, err = wire.OpenJournal(filepath.Join(p.Data, "journal.jsonl"))
	if errors.Is(err, wire.ErrKept) {
		p.progress("%v: this one starts empty and keeps nothing", err)
		return nil
	}
	if err != nil {
		return err
	}
	file := filepath.Join(p.Data, "operator")
	switch raw, err := os.ReadFile(file); {
	case err == nil:
		p.OperatorToken = strings.TrimSpace(string(raw))
		p.operator = token.Digest(p.OperatorToken)
		return nil
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	return os.WriteFile(file, []byte(p.OperatorToken+"\n"), 0o600)
}

// Restart starts the emulator, deploys the stack, restores what was kept, and serves
// the API again. It is called once by Start, and again after an emulator ended.
func (p *Platform) Restart(ctx context.Context) error {
	p.handler.Store(nil)
	if p.Emulator != nil {
		p.Emulator.Stop()
	}
	p.progress("starting %s", p.Kind)
	var err error
	if p.Emulator, err = emulator.Start(ctx, p.Kind, p.Dirs, p.wire.URL); err != nil {
		return err
	}
	p.wire.Connect(p.Emulator.Endpoint)
	p.progress("deploying the stack with cdk")
	if p.Deployment, err = deploy.Deploy(ctx, p.Emulator, p.Dirs, deploy.Config{
		Operator: p.operator, Settings: p.Settings,
	}); err != nil {
		return err
	}
	if err := p.rights.Enforce(p.Deployment); err != nil {
		return err
	}
	if p.journal != nil {
		if err := p.restore(ctx); err != nil {
			return err
		}
	}
	routes, err := frontdoor.Routes(p.Deployment)
	if err != nil {
		return err
	}
	handler, err := frontdoor.Guarded(frontdoor.New(routes, p.functions()), frontdoor.CORSOf(p.Deployment.Template))
	if err != nil {
		return err
	}
	p.handler.Store(&handler)
	if err := client.Until(ctx, time.Minute, func() error { return p.healthy(ctx) }); err != nil {
		return err
	}
	p.progress("ready")
	return nil
}

// restore repeats the kept writes on the fresh deployment.
func (p *Platform) restore(ctx context.Context) error {
	env := p.Deployment.Env["rollcall-dispatch"]
	n, err := p.journal.Restore(ctx, p.Emulator.Endpoint, map[string]string{
		"leases": env["ROLLCALL_LEASES_TABLE"], "chat": env["ROLLCALL_CHAT_TABLE"],
	})
	if err == nil && n > 0 {
		p.progress("restored what an earlier run had accepted (%d writes)", n)
	}
	return err
}

func (p *Platform) healthy(ctx context.Context) error {
	r, err := p.Do(ctx, "GET", "/healthz", "", nil)
	if err == nil && r.Status != http.StatusOK {
		err = fmt.Errorf("/healthz answers %d: %s", r.Status, r.Raw)
	}
	return err
}

// functions is a client of the Lambda API.
func (p *Platform) functions() *lambda.Client {
	return lambda.NewFromConfig(emulator.Client(p.Emulator.Endpoint))
}
