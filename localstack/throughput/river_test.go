package throughput

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// errand is a message to an agent, as a job.
type errand struct {
	Agent int    `json:"agent"`
	Text  string `json:"text"`
}

// Kind implements river.JobArgs.
func (errand) Kind() string { return "errand" }

// hand is the worker: it hands the job to the agent's loop, and the job ends when that loop acknowledges it.
type hand struct {
	river.WorkerDefaults[errand]
	to []chan work
}

type work struct {
	id   int64
	done chan struct{}
}

// Work implements river.Worker.
func (h *hand) Work(ctx context.Context, job *river.Job[errand]) error {
	w := work{job.ID, make(chan struct{})}
	select {
	case h.to[job.Args.Agent] <- w:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// jobs is River on a Postgres of this machine.
type jobs struct {
	client *river.Client[pgx.Tx]
	hand   *hand
}

func newRiver(t *testing.T, agents int) system {
	t.Helper()
	pool := startPostgres(t)
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, nil)
	if err == nil {
		_, err = migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	h := &hand{to: make([]chan work, agents)}
	for i := range h.to {
		h.to[i] = make(chan work)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, h)
	client, err := river.NewClient(driver, &river.Config{
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: agents, FetchCooldown: time.Millisecond}},
		Workers: workers, Logger: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		err = client.Start(context.WithoutCancel(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.StopAndCancel(context.Background()) }) // the database is gone next
	return &jobs{client, h}
}

func (j *jobs) accept(ctx context.Context, agent int, text string) error {
	_, err := j.client.Insert(ctx, errand{agent, text}, nil)
	return err
}

func (j *jobs) handOut(ctx context.Context, agent int) (handed, error) {
	select {
	case w := <-j.hand.to[agent]:
		return handed{fmt.Sprint(w.id), w}, nil
	case <-ctx.Done():
		return handed{}, ctx.Err()
	}
}

func (j *jobs) acknowledge(_ context.Context, _ int, h handed) error {
	close(h.ack.(work).done)
	return nil
}

// receipt waits until the job's end is written: River writes it after the worker has returned, many at a time.
func (j *jobs) receipt(ctx context.Context, _ int, h handed) (bool, error) {
	for {
		job, err := j.client.JobGet(ctx, h.ack.(work).id)
		if err != nil || job.State == rivertype.JobStateCompleted {
			return err == nil, err
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// startPostgres starts a Postgres with a new database, if this machine has one: initdb and postgres on the PATH.
func startPostgres(t *testing.T) *pgxpool.Pool {
	t.Helper()
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no Postgres here: %s is not on the PATH", program)
		}
	}
	dir, err := os.MkdirTemp("", "rollcall-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a folder of its own below the temporary one
	as := unprivileged(t, dir)
	setup := exec.Command("initdb", "-D", dir+"/data", "-U", "postgres", "-A", "trust")
	setup.Dir, setup.SysProcAttr = dir, as
	if out, err := setup.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	srv := exec.Command("postgres", "-D", dir+"/data", "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=200")
	srv.Dir, srv.SysProcAttr = dir, as
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = srv.Process.Signal(syscall.SIGINT) // a fast shutdown
		_ = srv.Wait()
	})
	cfg, err := pgxpool.ParseConfig("host=" + dir + " user=postgres dbname=postgres pool_max_conns=80")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	for until := time.Now().Add(30 * time.Second); ; {
		if err = pool.Ping(t.Context()); err == nil {
			return pool
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// unprivileged is how to run Postgres, which refuses to run as root: then as the user postgres.
func unprivileged(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Skip("Postgres does not run as root, and there is no user postgres")
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
