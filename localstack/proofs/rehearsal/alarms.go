package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// tryAlarms raises an alarm of a stage, and checks that the pipeline stops there.
func (r *rehearsal) tryAlarms(ctx context.Context) error {
	fmt.Fprintln(r.out, "the step that looks at a stage's alarms")
	step, err := r.line.build("alarms-Gamma")
	if err != nil {
		return err
	}
	names, err := r.aws(ctx, "cloudwatch", "describe-alarms", "--alarm-name-prefix", "Gamma-Rollcall-", "--output", "text",
		"--query", "MetricAlarms[].AlarmName")
	if err != nil {
		return err
	}
	all := strings.Fields(names)
	if len(all) == 0 {
		return errors.New("the stage has no alarms")
	}
	_, err = r.aws(ctx, "cloudwatch", "set-alarm-state", "--alarm-name", all[0], "--state-value", "ALARM",
		"--state-reason", "rehearsed")
	if err != nil {
		return err
	}
	if err := r.build(ctx, step); err == nil || !strings.Contains(err.Error(), all[0]) {
		return fmt.Errorf("%s has risen, and the step says %v", all[0], err)
	}
	fmt.Fprintln(r.out, "  ok    an alarm that has risen stops the pipeline")
	return nil
}
