package stack_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/infra/stack"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/cost"
	"github.com/rollcall/rollcall/shared/dynamo"
)

type object = map[string]any

// newApp is a CDK app with the context of cdk.json, as the CDK program gives it.
func newApp(t *testing.T) awscdk.App {
	t.Helper()
	raw, err := os.ReadFile("../../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return awscdk.NewApp(&awscdk.AppProps{Context: &file.Context, Outdir: jsii.String(t.TempDir())})
}

// builtFunctions are stand-ins for the functions: their code is not what is asserted.
var builtFunctions = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "rollcall-functions-")
	for _, name := range stack.Names() {
		err = errors.Join(err, os.MkdirAll(filepath.Join(dir, name), 0o755),
			os.WriteFile(filepath.Join(dir, name, "bootstrap"), []byte(name), 0o755))
	}
	return dir, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := builtFunctions(); err == nil {
		os.RemoveAll(dir)
	}
	jsii.Close()
	os.Exit(code)
}

// template is the stack's template with these settings, as JSON.
func template(t *testing.T, settings string, local bool) []byte {
	t.Helper()
	dir, err := builtFunctions()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := stack.ParseSettings(settings)
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t)
	cfg := stack.Config{Functions: dir, OperatorSHA256: strings.Repeat("ab", 32), Local: local, Settings: parsed}
	if err := stack.New(app, "Test", cfg); err != nil {
		t.Fatal(err)
	}
	assembly := app.Synth(nil)
	raw, err := os.ReadFile(filepath.Join(*assembly.Directory(), "Test.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// synth is the resources of the stack's template.
func synth(t *testing.T, settings string, local bool) resources {
	t.Helper()
	var read object
	if err := json.Unmarshal(template(t, settings, local), &read); err != nil {
		t.Fatal(err)
	}
	return read["Resources"].(object)
}

// A digest that is none, or that of an empty text, does not deploy.
func TestARootCredentialThatIsNoneIsRefused(t *testing.T) {
	for _, text := range []string{"", "\n", "\r\n"} {
		sum := sha256.Sum256([]byte(text))
		cfg := stack.Config{OperatorSHA256: hex.EncodeToString(sum[:]), Settings: stack.DefaultSettings()}
		if err := stack.New(awscdk.NewApp(nil), "Test", cfg); err == nil {
			t.Errorf("the digest of %q is taken", text)
		}
	}
	for _, digest := range []string{"", "ab", strings.Repeat("ab", 31), strings.Repeat("zz", 32)} {
		if err := stack.New(awscdk.NewApp(nil), "Test", stack.Config{OperatorSHA256: digest}); err == nil {
			t.Errorf("%q is taken", digest)
		}
	}
}

// resources are those of the template, by logical id.
type resources object

// of lists the properties of the resources of a type, by logical id.
func (r resources) of(kind string) map[string]object {
	out := map[string]object{}
	for id, resource := range r {
		if resource := resource.(object); resource["Type"] == kind {
			out[id], _ = resource["Properties"].(object)
		}
	}
	return out
}

// one is the properties of the only resource of a type whose id begins so.
func (r resources) one(t *testing.T, kind, prefix string) object {
	t.Helper()
	var found []object
	for id, properties := range r.of(kind) {
		if strings.HasPrefix(id, prefix) {
			found = append(found, properties)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d resources of type %s are called %s…", len(found), kind, prefix)
	}
	return found[0]
}

// functions are the properties of the functions, by name.
func (r resources) functions() map[string]object {
	out := map[string]object{}
	for _, f := range r.of("AWS::Lambda::Function") {
		if name, ours := strings.CutPrefix(f["Description"].(string), "Rollcall "); ours {
			out[name] = f
		}
	}
	return out
}

// The template is made once: its compiler is a process of its own.
func TestStack(t *testing.T) {
	r := synth(t, "", false)
	for name, test := range map[string]func(*testing.T, resources){
		"tables are on demand, with recovery":                        tables,
		"only chat has an index":                                     onlyChatHasAnIndex,
		"functions are arm64, limited, and strict":                   functions,
		"wake-ups outlast the drain that they invoke":                wakeups,
		"chat queues can redrive to the dead-letter queue":           deadLetters,
		"the sweeper runs every minute, and sweeps don't overlap":    sweeps,
		"every route is there, and no other":                         routes,
		"logs are JSON, quiet, and outlive the stack":                logs,
		"only dispatch may send to what invokes it, in a loop":       recursion,
		"concurrency is reserved for drains and sweeps":              concurrency,
		"a failed sweep is not repeated by Lambda":                   asynchronous,
		"the API is throttled and has an access log":                 stage,
		"reads have a low throttle, and what is no route the lowest": routeThrottles,
		"the API has one permission for each function":               permissions,
		"no resource has a name of its own":                          names,
		"each role has just the rights of the table":                 roles,
		"no other page than the API's own may call it":               noCORS,
	} {
		t.Run(name, func(t *testing.T) { test(t, r) })
	}
	t.Run("the functions that a setting names have concurrency of their own", reservations)
	t.Run("the pages of the origins that the setting lists may call the API", withCORS)
	t.Run("a stack without the operator's digest is refused", func(t *testing.T) {
		cfg := stack.Config{Functions: ".", Settings: stack.DefaultSettings()}
		if err := stack.New(newApp(t), "Bad", cfg); err == nil {
			t.Error("no error")
		}
	})
}

func tables(t *testing.T, r resources) {
	tables := r.of("AWS::DynamoDB::Table")
	if len(tables) != 2 {
		t.Errorf("%d tables", len(tables))
	}
	for id, p := range tables {
		recovery, _ := p["PointInTimeRecoverySpecification"].(object)
		if p["DeletionProtectionEnabled"] != true {
			t.Errorf("%s can be deleted by one call", id)
		}
		if p["BillingMode"] != "PAY_PER_REQUEST" || recovery["PointInTimeRecoveryEnabled"] != true {
			t.Errorf("%s: %v", id, p)
		}
		if r[id].(object)["DeletionPolicy"] != "Retain" {
			t.Errorf("%s would go with the stack", id)
		}
	}
	chat := r.one(t, "AWS::DynamoDB::Table", "Chat")
	if live, _ := chat["TimeToLiveSpecification"].(object); live["AttributeName"] != dynamo.TTLAttribute {
		t.Errorf("what is over is kept for ever: %v", live)
	}
}

func onlyChatHasAnIndex(t *testing.T, r resources) {
	leases, chat := r.one(t, "AWS::DynamoDB::Table", "Leases"), r.one(t, "AWS::DynamoDB::Table", "Chat")
	if leases["GlobalSecondaryIndexes"] != nil || leases["LocalSecondaryIndexes"] != nil {
		t.Errorf("a heartbeat would move an index entry: %v", leases)
	}
	if indexes, _ := chat["LocalSecondaryIndexes"].([]any); len(indexes) != 2 {
		t.Errorf("%d indexes of chat", len(indexes))
	}
}

func functions(t *testing.T, r resources) {
	all := r.functions()
	if len(all) != len(stack.Names()) {
		t.Errorf("%d functions", len(all))
	}
	for name, f := range all {
		if fmt.Sprint(f["Architectures"]) != "[arm64]" || f["Runtime"] != "provided.al2023" || f["Timeout"] == nil {
			t.Errorf("%s: %v", name, f)
		}
		env := f["Environment"].(object)["Variables"].(object)
		for _, open := range []string{
			"ROLLCALL_BOOTSTRAP", "ROLLCALL_CHAT", "ROLLCALL_VIEW", "ROLLCALL_AGENT_URLS", "ROLLCALL_STORE_PATIENCE",
			"AWS_ENDPOINT_URL",
		} {
			if env[open] != nil {
				t.Errorf("%s has the local policy %s", name, open)
			}
		}
	}
}

// A local platform that is asked for a deployment's policies (make run STRICT=1)
// gives each function every variable that a deployment gives it, and no other.
func TestDeployedPoliciesAreThoseOfADeployment(t *testing.T) {
	deployed := synth(t, "", false).functions()
	local := synth(t, `{"local_policies": "deployed"}`, true).functions()
	open := synth(t, "", true).functions()
	if len(deployed) == 0 || len(deployed) != len(local) {
		t.Fatalf("%d functions deployed, %d local", len(deployed), len(local))
	}
	for name := range deployed {
		want, got := variables(deployed[name]), variables(local[name])
		delete(got, "ROLLCALL_STORE_PATIENCE") // how slow an emulator may be: no policy
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: a local platform with the policies of a deployment gives\n%v, a deployment\n%v", name, got, want)
		}
		if variables(open[name])["ROLLCALL_VIEW"] != "open" {
			t.Errorf("%s: a local platform is not open: %v", name, variables(open[name]))
		}
	}
}

// variables are a function's environment.
func variables(function object) object {
	return function["Environment"].(object)["Variables"].(object)
}

func wakeups(t *testing.T, r resources) {
	dispatch := r.functions()["dispatch"]["Timeout"].(float64)
	for _, lane := range []string{"Wakeups", "SlowWakeups", "CallbackWakeups"} {
		q := r.one(t, "AWS::SQS::Queue", lane)
		if v := q["VisibilityTimeout"].(float64); v < 6*dispatch {
			t.Errorf("%s are invisible for %v s, dispatch runs %v s", lane, v, dispatch)
		}
		if q["RedrivePolicy"].(object)["maxReceiveCount"].(float64) < 10 {
			t.Errorf("%s give up too soon", lane)
		}
		mapping := r.one(t, "AWS::Lambda::EventSourceMapping", lane+"ToDispatch")
		if fmt.Sprint(mapping["FunctionResponseTypes"]) != "[ReportBatchItemFailures]" {
			t.Errorf("one failed wake-up brings back the others: %v", mapping)
		}
		if mapping["BatchSize"] != float64(cost.DrainsInARun) || mapping["MaximumBatchingWindowInSeconds"] != nil {
			t.Errorf("one run waits for as many agents as SQS hands out at once, and no wake-up for others: %v", mapping)
		}
	}
}

func deadLetters(t *testing.T, r resources) {
	if r.one(t, "AWS::SQS::Queue", "DeadLetters")["FifoQueue"] != true {
		t.Error("a FIFO chat queue can only redrive to a FIFO queue")
	}
}

func sweeps(t *testing.T, r resources) {
	if rule := r.one(t, "AWS::Events::Rule", ""); rule["ScheduleExpression"] != "rate(1 minute)" {
		t.Errorf("%v", rule)
	}
	timeout := r.functions()["sweeper"]["Timeout"].(float64)
	if timeout >= 60 {
		t.Error("sweeps would overlap")
	}
	tasks := r.one(t, "AWS::SQS::Queue", "SweepTasks")
	invisible, kept := tasks["VisibilityTimeout"].(float64), tasks["MessageRetentionPeriod"].(float64)
	if invisible < 6*timeout || kept > invisible {
		t.Errorf("a task whose worker died is invisible for %v s, and kept for %v s: it comes again", invisible, kept)
	}
	mapping := r.one(t, "AWS::Lambda::EventSourceMapping", "SweepTasksToSweeper")
	if mapping["BatchSize"] != 1.0 {
		t.Errorf("a worker has more than a segment: %v", mapping)
	}
}

func routes(t *testing.T, r resources) {
	var want, got []string
	for _, name := range stack.Names() {
		want = append(want, api.Routes(name)...)
	}
	for _, route := range r.of("AWS::ApiGatewayV2::Route") {
		got = append(got, route["RouteKey"].(string))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func logs(t *testing.T, r resources) {
	groups := r.of("AWS::Logs::LogGroup")
	if len(groups) != len(stack.Names())+1 {
		t.Errorf("%d log groups", len(groups))
	}
	for id, g := range groups {
		if g["RetentionInDays"] != 30.0 || r[id].(object)["DeletionPolicy"] != "Retain" {
			t.Errorf("%s: %v", id, g)
		}
	}
	for name, f := range r.functions() {
		config, _ := f["LoggingConfig"].(object)
		if config["LogFormat"] != "JSON" || config["SystemLogLevel"] != "WARN" {
			t.Errorf("%s: %v", name, config)
		}
	}
}

func recursion(t *testing.T, r resources) {
	for name, f := range r.functions() {
		// A sweep sends tasks to the queue that invokes sweeper, and those send none: that is no loop.
		if loop := f["RecursiveLoop"]; (loop == "Allow") != (name == "dispatch") {
			t.Errorf("%s: RecursiveLoop is %v", name, loop)
		}
	}
}

func concurrency(t *testing.T, r resources) {
	atOnce := func(mapping string) float64 {
		m := r.one(t, "AWS::Lambda::EventSourceMapping", mapping)
		return m["ScalingConfig"].(object)["MaximumConcurrency"].(float64)
	}
	drains := 0.0 // else one lane would take another's
	for _, lane := range []string{"Wakeups", "SlowWakeups", "CallbackWakeups"} {
		drains += atOnce(lane + "ToDispatch")
	}
	for name, f := range r.functions() {
		want := map[string]any{"dispatch": drains, "sweeper": 2 + atOnce("SweepTasksToSweeper")}[name]
		if got := f["ReservedConcurrentExecutions"]; got != want {
			t.Errorf("%s has %v reserved, not %v", name, got, want)
		}
	}
}

func asynchronous(t *testing.T, r resources) {
	config := r.one(t, "AWS::Lambda::EventInvokeConfig", "sweeper")
	if config["MaximumRetryAttempts"] != 0.0 || config["MaximumEventAgeInSeconds"] != 60.0 {
		t.Errorf("%v", config)
	}
}

func stage(t *testing.T, r resources) {
	p := r.one(t, "AWS::ApiGatewayV2::Stage", "")
	limits, _ := p["DefaultRouteSettings"].(object)
	rate, burst := limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]
	if p["StageName"] != "$default" || rate != 2000.0 || burst != 4000.0 {
		t.Errorf("%v", p)
	}
	if raw, _ := json.Marshal(p); strings.Contains(string(raw), `"DetailedMetricsEnabled":true`) {
		t.Error("each route has metrics of its own, and each of them a price")
	}
	log, _ := p["AccessLogSettings"].(object)
	var line object
	if err := json.Unmarshal([]byte(log["Format"].(string)), &line); err != nil || line["request_id"] == nil {
		t.Errorf("an access log that can't be read: %v, %v", log, err)
	}
}

// An agent's calls have the throttle of the whole API: nobody else's reads are in their way.
func routeThrottles(t *testing.T, r resources) {
	settings, _ := r.one(t, "AWS::ApiGatewayV2::Stage", "")["RouteSettings"].(object)
	rate := func(route string) any {
		of, _ := settings[route].(object)
		return of["ThrottlingRateLimit"]
	}
	for _, o := range api.Operations() {
		want := any(nil)
		if strings.HasPrefix(o.Route, "GET ") && o.Tag != "agents" {
			want = 200.0
		}
		if got := rate(o.Route); got != want {
			t.Errorf("%s: %v, not %v", o.Route, got, want)
		}
	}
	if got := rate(api.CatchAll); got != 10.0 {
		t.Errorf("what is no route: %v", got)
	}
}

func reservations(t *testing.T) {
	for name, f := range synth(t, `{"reserved_concurrency": {"register": 50, "heartbeat": 100}}`, false).functions() {
		want, given := map[string]any{"register": 50.0, "heartbeat": 100.0}[name]
		if got := f["ReservedConcurrentExecutions"]; given && got != want {
			t.Errorf("%s: %v, not %v", name, got, want)
		}
	}
}

func permissions(t *testing.T, r resources) {
	withRoutes := 0
	for _, name := range stack.Names() {
		if len(api.Routes(name)) > 0 {
			withRoutes++
		}
	}
	if n := len(r.of("AWS::Lambda::Permission")); n != withRoutes+1 {
		t.Errorf("%d permissions for %d functions of the API and the rule", n, withRoutes)
	}
}

// names: a second stage in the account would be refused, or would be the first.
func names(t *testing.T, r resources) {
	for id, resource := range r {
		properties, _ := resource.(object)["Properties"].(object)
		for _, name := range []string{"FunctionName", "QueueName", "TableName", "RoleName", "LogGroupName", "AlarmName"} {
			if given, ok := properties[name].(string); ok { // not a reference to another resource
				t.Errorf("%s has the %s %s", id, name, given)
			}
		}
	}
}

// roles reads the rights from the policies of the template. A role may write its
// own logs beside them.
func roles(t *testing.T, r resources) {
	var got []string
	for id, p := range r.of("AWS::IAM::Policy") {
		name, _, _ := strings.Cut(id, "role")
		for _, statement := range p["PolicyDocument"].(object)["Statement"].([]any) {
			statement := statement.(object)
			if put := strings.Contains(fmt.Sprint(statement["Action"]), "events:"); put {
				if got := fmt.Sprint(statement["Condition"]); got != "map[StringEquals:map[events:source:rollcall]]" {
					t.Errorf("%s may put events in the name of others: %s", name, got)
				}
			}
			actions, several := statement["Action"].([]any)
			if !several {
				actions = []any{statement["Action"]}
			}
			resources, several := statement["Resource"].([]any)
			if !several {
				resources = []any{statement["Resource"]}
			}
			for _, action := range actions {
				for _, resource := range resources {
					right := name + " " + resourceName(t, resource) + " " + action.(string)
					if !strings.HasPrefix(right, name+" logs logs:") {
						got = append(got, right)
					}
				}
			}
		}
	}
	// CDK lets what a queue invokes receive from it; the table says so too.
	slices.Sort(got)
	got = slices.Compact(got)
	want := slices.Sorted(slices.Values(stack.Rights()))
	for _, right := range got {
		if !slices.Contains(want, right) {
			t.Errorf("a role may %s, and the table doesn't say so", right)
		}
	}
	for _, right := range want {
		if !slices.Contains(got, right) {
			t.Errorf("the table says %s, and no role may", right)
		}
	}
}

// resourceName is what the table of rights calls the resource of a statement.
func resourceName(t *testing.T, resource any) string {
	t.Helper()
	if resource == "*" {
		return "*"
	}
	raw, err := json.Marshal(resource)
	if err != nil {
		t.Fatal(err)
	}
	// The first that fits: an index is named by its table, and chat queues by their prefix.
	for _, known := range []struct{ part, name string }{
		{"/index/", "indexes"},
		{stack.QueuePrefix("Test"), "chatQueues"},
		{"event-bus/default", "bus"},
		{`["Leases`, "leases"},
		{`["Chat`, "chat"},
		{`["Wakeups`, "wakeups"},
		{`["SlowWakeups`, "slowWakeups"},
		{`["CallbackWakeups`, "callbackWakeups"},
		{`["SweepTasks`, "sweepTasks"},
		{`["DeadLetters`, "deadLetters"},
		{"logs", "logs"},
	} {
		if strings.Contains(string(raw), known.part) {
			return known.name
		}
	}
	t.Errorf("nothing is known of the resource %s", raw)
	return string(raw)
}

func noCORS(t *testing.T, r resources) {
	if cors, ok := r.one(t, "AWS::ApiGatewayV2::Api", "Api")["CorsConfiguration"]; ok {
		t.Errorf("%v", cors)
	}
}

func withCORS(t *testing.T) {
	r := synth(t, `{"ROLLCALL_CORS_ORIGINS": "https://a.example, http://localhost:3000"}`, false)
	cors, _ := r.one(t, "AWS::ApiGatewayV2::Api", "Api")["CorsConfiguration"].(object)
	if got := fmt.Sprint(cors["AllowOrigins"]); got != "[https://a.example http://localhost:3000]" {
		t.Errorf("allowed origins: %s", got)
	}
	if cors["AllowCredentials"] == true {
		t.Error("cookies are let in")
	}
	for name, f := range r.functions() {
		if env := f["Environment"].(object)["Variables"].(object); env["ROLLCALL_CORS_ORIGINS"] != nil {
			t.Errorf("%s is given a setting of the stack", name)
		}
	}
}
