// Package stack describes what is deployed, once: tables, queues, functions,
// routes, schedule, alarms. The local platform deploys this same stack.
package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Name is the name of a stage's stack: any number of stages stand side by side in
// one account and region. Without a stage it is the project's.
func Name(stage string) string {
	if stage == "" {
		return "Rollcall"
	}
	return "Rollcall-" + stage
}

// Config is what differs between deployments.
type Config struct {
	Functions string // folder with one folder a function, each with its bootstrap
	// OperatorSHA256 is the digest of the operator credential; OperatorParameter,
	// instead of it, the SSM parameter that has it when the stack is deployed.
	OperatorSHA256    string
	OperatorParameter string
	// Local opens the policies that only a private machine may have (bootstrap by
	// anyone, chat without a credential, agents at private addresses), and builds
	// for the host instead of arm64.
	Local    bool
	Settings Settings
}

// kept is what becomes of stored things when the stack is deleted: they stay,
// except on a local platform.
func (c Config) kept() awscdk.RemovalPolicy {
	if c.Local {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}

// reserved is a function's share of the account's concurrency, nil for none.
func (c Config) reserved(n int) *float64 {
	if c.Local || c.Settings.ReserveConcurrency == No {
		return nil
	}
	return jsii.Number(float64(n))
}

// digestsOfNothing are the SHA-256 of no text and of an end of line: what a shell
// makes of a variable that is not set.
var digestsOfNothing = []string{digest(""), digest("\n"), digest("\r\n")}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

var hexHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// New adds the stack to an app, or says what its configuration lacks.
func New(scope constructs.Construct, id string, cfg Config) error {
	if cfg.OperatorParameter == "" && !hexHash.MatchString(cfg.OperatorSHA256) {
		return errors.New("context operatorSha256 must be the hex SHA-256 of the root credential " +
			"(cdk -c operatorSha256=…)")
	}
	if slices.Contains(digestsOfNothing, cfg.OperatorSHA256) {
		return errors.New("context operatorSha256 is the SHA-256 of an empty text: the root credential was not set " +
			"when it was made")
	}
	if err := cfg.Settings.check(); err != nil {
		return err
	}
	s := awscdk.NewStack(scope, &id, &awscdk.StackProps{
		Description: jsii.String("Rollcall: AI agent workspaces, their status and their chat"),
	})
	if name := *s.StackName(); len(name) > maxName {
		return fmt.Errorf("the stack's name %s may have %d characters at most: names of queues begin with it", name, maxName)
	}
	d := newData(s, cfg)
	q := newQueues(s, cfg)
	fns := newFunctions(s, cfg, d, q)
	grant(s, fns, d, q)
	newCanaries(s, cfg, fns)
	newTriggers(s, cfg, fns, q)
	watched := parts{d, q, fns, newAPI(s, cfg, fns)}
	newAlarms(s, cfg, watched)
	newDashboard(s, watched)
	return nil
}
