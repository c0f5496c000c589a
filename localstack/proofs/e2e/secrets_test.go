package e2e

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
)

// credential matches a whole credential. Its kind and public id alone may be logged.
var credential = regexp.MustCompile(`rc[woe]_[0-9a-z]{8}_[0-9a-z]{20,}`)

// noSecretIsLogged checks the logs of all functions after the tests used credentials.
func noSecretIsLogged(ctx context.Context) error {
	lines, err := emulator.Logs(ctx, platform.Endpoint)
	if err != nil {
		return err
	}
	var found error
	requests := 0
	for _, l := range lines {
		requests += strings.Count(l.Message, `"msg":"request"`)
		if secret := credential.FindString(l.Message); secret != "" {
			found = errors.Join(found, fmt.Errorf("%s has a credential (%.12s…) in its log", l.Function, secret))
		}
	}
	if requests == 0 {
		return fmt.Errorf("no request is in the %d log lines, so nothing was checked", len(lines))
	}
	return found
}
