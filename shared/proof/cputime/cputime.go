// Package cputime measures the processor time that work takes. Other work of the machine does not count: a bound that
// is far from what is measured holds on a loaded machine too. Only tests import it.
package cputime

import (
	"syscall"
	"testing"
	"time"
)

// Of is the processor time that the process spends while work runs. Nothing else of the process may run meanwhile.
func Of(t *testing.T, work func()) time.Duration {
	t.Helper()
	before := spent(t)
	work()
	return spent(t) - before
}

func spent(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
