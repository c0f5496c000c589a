package storetest

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// T is what the cases need of a test. Two types implement it: goTest, for a test
// of Go's own, and recorder, with which a test looks for the failure of a case.
type T interface {
	rapid.TB
	Context() context.Context
	Run(name string, f func(T)) bool
}

// goTest is a test of Go's own.
type goTest struct{ *testing.T }

var _ T = goTest{}

// Run implements T.
func (g goTest) Run(name string, f func(T)) bool {
	return g.T.Run(name, func(t *testing.T) { f(goTest{t}) })
}

// recorder keeps the first failure, and plays nothing after it.
type recorder struct {
	test *testing.T // whose context it has
	name string

	mu      sync.Mutex
	failure string // "": none
}

var _ T = (*recorder)(nil)

// Run implements T. It returns when f does, or at the first failure in it.
func (r *recorder) Run(name string, f func(T)) bool {
	if r.Failed() {
		return false
	}
	inner := &recorder{test: r.test, name: r.name + "/" + name}
	done := make(chan struct{})
	go func() { // FailNow ends this goroutine
		defer close(done)
		f(inner)
	}()
	<-done
	if inner.Failed() {
		r.fail(inner.failure)
	}
	return !inner.Failed()
}

func (r *recorder) fail(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == "" {
		r.failure = why
	}
}

// Context is that of the test that looks for a failure.
func (r *recorder) Context() context.Context { return r.test.Context() }

// Failed reports whether there is a failure.
func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure != ""
}

// Name is the name of the case.
func (r *recorder) Name() string { return r.name }

// FailNow notes a failure and ends the case.
func (r *recorder) FailNow() {
	r.Fail()
	runtime.Goexit()
}

// Fail notes a failure.
func (r *recorder) Fail() { r.fail(r.name) }

// Error notes a failure.
func (r *recorder) Error(args ...any) { r.fail(r.name + ": " + fmt.Sprint(args...)) }

// Errorf notes a failure.
func (r *recorder) Errorf(format string, args ...any) { r.Error(fmt.Sprintf(format, args...)) }

// Fatal notes a failure and ends the case.
func (r *recorder) Fatal(args ...any) {
	r.Error(args...)
	runtime.Goexit()
}

// Fatalf notes a failure and ends the case.
func (r *recorder) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// Helper does nothing: a recorder names no lines.
func (r *recorder) Helper() {}

// Log does nothing.
func (r *recorder) Log(...any) {}

// Logf does nothing.
func (r *recorder) Logf(string, ...any) {}

// Skip is a failure: no case may be left out.
func (r *recorder) Skip(args ...any) { r.Fatal(args...) }

// Skipf is a failure.
func (r *recorder) Skipf(format string, args ...any) { r.Fatalf(format, args...) }

// SkipNow is a failure.
func (r *recorder) SkipNow() { r.FailNow() }
