package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/shared/client"
)

// Functions are killed at any moment under load, and every accepted message still arrives
// with its id.
func TestKilledFunctionsLoseNothing(t *testing.T) {
	s := on(t)
	// A killed delivery is repeated after the visibility timeout; a short one keeps the test
	// short. A killed enqueue holds a place in the inbox until a sweep frees it.
	configured(t, "rollcall-dispatch", map[string]string{"ROLLCALL_VISIBILITY": "8s", "ROLLCALL_PUSH_TIMEOUT": "4s"})
	configured(t, "rollcall-enqueue", map[string]string{"ROLLCALL_MAX_OPEN": "1000"})

	var mu sync.Mutex
	received := map[string]int{}
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id := r.Header.Get("X-Rollcall-Message-Id"); !strings.HasPrefix(id, "probe-") {
			mu.Lock()
			received[id]++
			mu.Unlock()
		}
		_, _ = w.Write([]byte(`{"jsonrpc":"2.0","id":"1","result":{}}`))
	}))
	defer agent.Close()

	id := uuid.NewString()
	path := "/workspaces/" + id
	token := call(t, 200, "POST", "/registry/register", "", map[string]any{"id": id, "url": agent.URL}).Text("auth_token")

	stopKilling := killFunctions(s.PID)
	t.Cleanup(func() { stopKilling() }) // a test that fails must not kill the functions of the next one
	const n = 20
	for i := range n {
		mid := fmt.Sprint("kill-", i)
		// A sender that got no answer sends the same id again.
		if err := client.Until(t.Context(), time.Minute, func() error {
			r, err := s.Do(t.Context(), "POST", path+"/a2a", "", client.Message(mid, "x"))
			if err == nil && r.Status != 200 && r.Status != 202 {
				err = fmt.Errorf("answered %d: %s", r.Status, r.Raw)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	kills := stopKilling()
	if kills == 0 {
		t.Fatal("no function was killed, so this test proved nothing")
	}
	if err := client.Until(t.Context(), 3*time.Minute, func() error {
		heartbeat := map[string]any{"workspace_id": id, "active_tasks": 0}
		_, err := s.Do(t.Context(), "POST", "/registry/heartbeat", token, heartbeat)
		if err != nil {
			return err
		}
		r, err := s.Do(t.Context(), "GET", path, "", nil)
		if err == nil && r.Text("messages", "delivered") != fmt.Sprint(n) {
			totals, _ := json.Marshal(r.Body["messages"])
			err = fmt.Errorf("%s", totals)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	again := checkArrivals(t, received, n)
	t.Logf("kills=%d accepted=%d arrived=%d again=%d", kills, n, len(received), again)
}

// configured adds to the environment of a function until the end of the test.
func configured(t *testing.T, function string, more map[string]string) {
	t.Helper()
	s := on(t)
	function = s.Functions[function]
	functions := lambda.NewFromConfig(emulator.Client(s.Endpoint))
	set := func(ctx context.Context, env map[string]string) {
		t.Helper()
		_, err := functions.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
			FunctionName: &function, Environment: &types.Environment{Variables: env},
		})
		if err != nil {
			t.Fatal(err)
		}
		updated := lambda.NewFunctionUpdatedV2Waiter(functions)
		if err := updated.Wait(ctx, &lambda.GetFunctionInput{FunctionName: &function}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	before, err := functions.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{
		FunctionName: &function,
	})
	if err != nil {
		t.Fatal(err)
	}
	env := maps.Clone(before.Environment.Variables)
	maps.Copy(env, more)
	set(t.Context(), env)
	t.Cleanup(func() { set(context.Background(), before.Environment.Variables) })
}

// checkArrivals checks that each of n messages arrived under its id, and returns how many
// arrivals were repeats.
func checkArrivals(t *testing.T, received map[string]int, n int) (again int) {
	t.Helper()
	for i := range n {
		switch c := received[fmt.Sprint("kill-", i)]; {
		case c == 0:
			t.Errorf("message %d was lost", i)
		case c > 1:
			again += c - 1
		}
	}
	if len(received) != n {
		t.Errorf("%d different messages arrived of %d", len(received), n)
	}
	return again
}

// killFunctions kills a running function every 170 ms until stop, which returns how many
// were killed. It may be called again.
func killFunctions(emulatorPID int) (stop func() int) {
	stopped, kills := make(chan struct{}), 0
	var killer sync.WaitGroup
	killer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stopped:
				return
			case <-time.After(170 * time.Millisecond):
			}
			pids := slices.Sorted(maps.Keys(emulator.Processes(emulatorPID)))
			if len(pids) > 0 && syscall.Kill(pids[i%len(pids)], syscall.SIGKILL) == nil {
				kills++
			}
		}
	})
	return sync.OnceValue(func() int {
		close(stopped)
		killer.Wait()
		return kills
	})
}
