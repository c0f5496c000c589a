package stack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
)

// Settings are what an operator may choose for one deployment. docs/deploy.md
// lists them. A zero is the default of DefaultSettings.
type Settings struct {
	// MaxDrains is how many drains run at once.
	MaxDrains int `json:"max_drains"`
	// SweepWorkers is how many functions sweep a segment of a large fleet at once.
	SweepWorkers int `json:"sweep_workers"`
	// MemoryMB and TimeoutSeconds are those of single functions, by name.
	MemoryMB       map[string]int `json:"memory_mb"`
	TimeoutSeconds map[string]int `json:"timeout_seconds"`
	// ReserveConcurrency takes the concurrency of dispatch and sweeper from the
	// account's, for them alone. An account with the lowered quota of a new one
	// can't reserve any: then it is "no".
	ReserveConcurrency Choice `json:"reserve_concurrency"`
	// MaxReadUnits and MaxWriteUnits bound what a table may use in a second, in
	// request units; 0 is no bound. WarmReadUnits and WarmWriteUnits are what a
	// table can take at once without growing first; 0 is DynamoDB's own.
	MaxReadUnits   int `json:"max_read_units"`
	MaxWriteUnits  int `json:"max_write_units"`
	WarmReadUnits  int `json:"warm_read_units"`
	WarmWriteUnits int `json:"warm_write_units"`
	// RequestsPerSecond and Burst throttle the HTTP API.
	RequestsPerSecond int `json:"requests_per_second"`
	Burst             int `json:"burst"`
	// ReadsPerSecond throttles each route that only reads for people, and
	// UnknownPerSecond all paths that are no route; see throttles. An agent's routes
	// have the API's own throttle.
	ReadsPerSecond   int `json:"reads_per_second"`
	UnknownPerSecond int `json:"unknown_per_second"`
	// Reserved is concurrency of the account's that is kept for single functions of
	// the API, by name: so many of their calls are served, whatever the others take.
	Reserved map[string]int `json:"reserved_concurrency"`
	// Domain is the API's own name, with the ARN of its certificate.
	Domain         string `json:"domain"`
	CertificateARN string `json:"certificate_arn"`
	// AlarmTopicARN is the SNS topic that the alarms tell; none without it.
	AlarmTopicARN string `json:"alarm_topic_arn"`
	// Tracing traces calls through functions and wake-ups (AWS X-Ray).
	Tracing Choice `json:"tracing"`
	// Canary moves the functions to a new version step by step: see newCanaries.
	Canary Choice `json:"canary"`
	// LogDays is how long logs are kept.
	LogDays int `json:"log_days"`
	// LocalPolicies are who may do what on a local platform. A deployment takes no
	// notice of it.
	LocalPolicies Policies `json:"local_policies"`

	// CORSOrigins are the origins whose web pages may call the API.
	CORSOrigins []string `json:"-"`
	// Variables are the functions' own settings: ROLLCALL_ variables.
	Variables map[string]string `json:"-"`
}

// Choice is a setting with a default that can be refused.
type Choice string

// The choices.
const (
	Yes Choice = "yes"
	No  Choice = "no"
)

// Policies are those of a local platform.
type Policies string

// The policies of a local platform.
const (
	OpenPolicies     Policies = "open"
	DeployedPolicies Policies = "deployed" // the functions' own defaults, as in a deployment
)

// DefaultSettings are for a deployment about which nothing is said.
//
// The sum that MaxDrains is part of: an account's quota of concurrent executions
// (1,000 unless it was raised or is new) = MaxDrains and two fifths of it, which are reserved for
// dispatch with its side lanes, + 2 + SweepWorkers for sweeper + what is left for the six API functions, which is
// never less than the 100 that Lambda keeps unreserved. At 10 ms a call, 100 serve
// 10,000 requests a second, which is the default quota of API Gateway.
func DefaultSettings() Settings {
	return Settings{
		MaxDrains: 100, SweepWorkers: 40, ReserveConcurrency: Yes, RequestsPerSecond: 2000, Burst: 4000,
		Tracing: No, Canary: Yes,
		LogDays: 30, LocalPolicies: OpenPolicies,
		ReadsPerSecond: 200, UnknownPerSecond: 10,
		// Memory is also the share of a CPU: 1,769 MB are one. A drain of eight slots
		// with 25 messages of 255 KiB peaks at 142 MB. A sweep computes for 150 us a
		// lease at 256 MB, so it gets a whole CPU. An API function takes its time for
		// the TLS handshakes of a cold start.
		MemoryMB: map[string]int{"dispatch": 256, "sweeper": 1769},
		// A sweep is shorter than its minute, so that sweeps don't overlap. A call of
		// enqueue that asks waits for its answer, one of status for a change, and one of
		// operate may sweep; API Gateway gives up after 30 s.
		TimeoutSeconds: map[string]int{"dispatch": 300, "enqueue": 28, "operate": 28, "status": 28, "sweeper": 55},
	}
}

// What the functions have that no table names: those of the API.
const (
	apiMemoryMB = 512
	apiTimeout  = 15
)

// retentions are the lifetimes of logs that CloudWatch knows, in days.
var retentions = map[int]awslogs.RetentionDays{
	7: awslogs.RetentionDays_ONE_WEEK, 14: awslogs.RetentionDays_TWO_WEEKS, 30: awslogs.RetentionDays_ONE_MONTH,
	90: awslogs.RetentionDays_THREE_MONTHS, 180: awslogs.RetentionDays_SIX_MONTHS, 365: awslogs.RetentionDays_ONE_YEAR,
}

// ParseSettings reads a JSON object: members whose names begin with ROLLCALL_ are
// the functions' variables (and ROLLCALL_CORS_ORIGINS), the others are members of Settings. What is not named
// has its default; a name that is unknown, and a value that can't be, is an error.
func ParseSettings(raw string) (Settings, error) {
	s := DefaultSettings()
	if strings.TrimSpace(raw) == "" {
		return s, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(raw), &members); err != nil {
		return s, fmt.Errorf("settings must be one JSON object: %w", err)
	}
	s.Variables = map[string]string{}
	for name, value := range members {
		if !strings.HasPrefix(name, "ROLLCALL_") {
			continue
		}
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return s, fmt.Errorf("setting %s must be a text, as in %q", name, "90s")
		}
		if name == settingCORS {
			s.CORSOrigins = origins(text)
		} else {
			s.Variables[name] = text
		}
		delete(members, name)
	}
	rest, err := json.Marshal(members)
	if err != nil {
		return s, err
	}
	dec := json.NewDecoder(bytes.NewReader(rest))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil { // the maps keep their other entries
		return s, fmt.Errorf("settings: %w", err)
	}
	return s, s.check()
}

// check refuses settings that AWS or the functions would refuse later, or that
// break a promise.
func (s Settings) check() error {
	shortestDrain, err := app.CheckSettings(s.Variables)
	if err != nil {
		return err
	}
	if least := int(shortestDrain.Seconds()); s.timeout("dispatch") < least {
		return fmt.Errorf("settings: timeout_seconds of dispatch must be at least %d, which is ROLLCALL_VISIBILITY and what "+
			"comes before a push: in less it would push nothing", least)
	}
	if err := checkOrigins(s.CORSOrigins); err != nil {
		return err
	}
	for _, table := range []map[string]int{s.MemoryMB, s.TimeoutSeconds} {
		for name, n := range table {
			if !slices.Contains(Names(), name) || n < 1 {
				return fmt.Errorf("settings: %q: %d is for no function (%s)", name, n, strings.Join(Names(), ", "))
			}
		}
	}
	for name, n := range s.Reserved {
		if len(api.Routes(name)) == 0 || n < 1 || n > 1000 {
			return fmt.Errorf("settings: reserved_concurrency is from 1 to 1000, of a function of the API, not %d of %q",
				n, name)
		}
	}
	for name, n := range s.MemoryMB {
		if n < 128 || n > 10240 {
			return fmt.Errorf("settings: memory_mb of %s must be from 128 to 10240, not %d", name, n)
		}
	}
	for _, name := range Names() {
		if longest := longestRun(name); s.timeout(name) > longest {
			return fmt.Errorf("settings: timeout_seconds of %s must be at most %d", name, longest)
		}
	}
	switch {
	case s.MaxDrains < 2 || s.MaxDrains > 1000:
		return fmt.Errorf("settings: max_drains must be from 2 to 1000, not %d", s.MaxDrains)
	case s.SweepWorkers < 2 || s.SweepWorkers > 1000:
		return fmt.Errorf("settings: sweep_workers must be from 2 to 1000, not %d", s.SweepWorkers)
	case s.ReserveConcurrency != Yes && s.ReserveConcurrency != No:
		return fmt.Errorf("settings: reserve_concurrency must be yes or no, not %q", s.ReserveConcurrency)
	case s.Tracing != Yes && s.Tracing != No:
		return fmt.Errorf("settings: tracing must be yes or no, not %q", s.Tracing)
	case s.Canary != Yes && s.Canary != No:
		return fmt.Errorf("settings: canary must be yes or no, not %q", s.Canary)
	case s.LocalPolicies != OpenPolicies && s.LocalPolicies != DeployedPolicies:
		return fmt.Errorf("settings: local_policies must be open or deployed, not %q", s.LocalPolicies)
	case s.AlarmTopicARN != "" && !strings.HasPrefix(s.AlarmTopicARN, "arn:"):
		return fmt.Errorf("settings: alarm_topic_arn must be the ARN of an SNS topic, not %q", s.AlarmTopicARN)
	case (s.Domain == "") != (s.CertificateARN == ""):
		return fmt.Errorf("settings: domain and certificate_arn go together")
	case min(s.RequestsPerSecond, s.Burst, s.ReadsPerSecond, s.UnknownPerSecond) < 1:
		return fmt.Errorf("settings: requests_per_second, burst, reads_per_second and unknown_per_second must be at least 1")
	case retentions[s.LogDays] == "":
		return fmt.Errorf("settings: log_days must be 7, 14, 30, 90, 180 or 365, not %d", s.LogDays)
	case min(s.MaxReadUnits, s.MaxWriteUnits, s.WarmReadUnits, s.WarmWriteUnits) < 0:
		return fmt.Errorf("settings: units of a table can't be negative")
	}
	return nil
}

// longestRun is the longest timeout that a function may have, in seconds: an HTTP
// API waits 30 s, a sweep ends within its minute, and a wake-up is invisible for
// six times its drain, at most 12 hours.
func longestRun(function string) int {
	switch function {
	case "dispatch":
		return 900
	case "sweeper":
		return 59
	}
	return 29
}

func (s Settings) timeout(function string) int {
	if n := s.TimeoutSeconds[function]; n > 0 {
		return n
	}
	return apiTimeout
}

func (s Settings) memory(function string) int {
	if n := s.MemoryMB[function]; n > 0 {
		return n
	}
	return apiMemoryMB
}
