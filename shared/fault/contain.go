package fault

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// errPanic is in the chain of an error that Contain made of a panic.
var errPanic = errors.New("panic")

// Contain does something, and returns a panic of it as an error with the code internal: a defect that the work for one
// workspace meets must not end the process, which works for others at the same time. The cause has the panic's words
// and its stack, for the log.
func Contain(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{
				Code: Internal, Message: "a defect of the platform ended this",
				Cause: fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack()),
			}
		}
	}()
	return do()
}

// Contained is do, contained. Each goroutine of a Lambda runs one: nothing else would stop its panic from ending the
// process.
func Contained(do func() error) func() error {
	return func() error { return Contain(do) }
}

// IsPanic reports whether an error is of a panic that Contain stopped. Its text is for the log alone.
func IsPanic(err error) bool { return errors.Is(err, errPanic) }
