// Package cost works out what a deployment costs a month: from a workload, the units that each operation asks of AWS,
// and list prices. Every line of a bill says how it was worked out.
package cost

import (
	"fmt"
	"math"
	"time"
)

// Workload is what a deployment is used for.
type Workload struct {
	Agents         float64
	Polling        float64       // the share of the agents that fetch their mail, from 0 to 1; the others are pushed to
	PollEvery      time.Duration // how often a polling agent polls
	BeatEvery      time.Duration // how often an agent sends a heartbeat
	PollersBeat    bool          // polling agents send heartbeats too, though a poll renews the lease
	MessagesPerDay float64       // to one agent
	MessageKB      float64       // the size of a message and its answer
	AnswerTime     time.Duration // how long a pushed agent takes to answer; a function waits for it
	MaxDrains      float64       // how many runs of that function there are at most; 0 for one to each push that waits
}

// DrainsInARun is how many wake-ups a run of dispatch answers at most: so many agents it waits for when all runs are
// taken. Else SQS starts another run for each.
const DrainsInARun = 10

// Waiting is how many pushes wait for an answer at the same time, on average.
func (w Workload) Waiting() float64 {
	return w.volumes().pushed * w.AnswerTime.Seconds() / Month.Seconds()
}

// PushTimeout is how long a push waits for its agent at most, by default.
const PushTimeout = 2 * time.Minute

// Runs is how many runs of dispatch all pushes take when each run takes as many as it may: with fewer, mail waits for
// longer and longer. A run ends with the slowest of its agents. Of ten times of random work (exponential), the longest
// is 2.9 times the mean. No push waits for longer than PushTimeout.
func (w Workload) Runs() float64 {
	if w.AnswerTime <= 0 {
		return 0
	}
	slowest := 0.0 // the 10th harmonic number
	for n := range DrainsInARun {
		slowest += 1 / float64(n+1)
	}
	slowest = max(1, min(slowest, PushTimeout.Seconds()/w.AnswerTime.Seconds()))
	return w.Waiting() * slowest / DrainsInARun
}

// Month is how long a month is on a bill.
const Month = 30 * 24 * time.Hour

// What the functions use, as infra/stack deploys them.
const (
	apiGB        = 0.25                   // memory of the functions behind the API
	dispatchGB   = 0.25                   // memory of the function that waits for pushed agents
	callTime     = 10 * time.Millisecond  // of a function behind the API, measured warm
	leaseTime    = 150 * time.Microsecond // of a sweep for each workspace, measured at 0.145 vCPU
	logKBPerCall = 0.24                   // the JSON line of a call; the system's own lines are at WARN
	leaseBytes   = 400                    // of one workspace, at most
	retention    = 7                      // days that an ended message is kept
	sweepReads   = 0.05                   // read units of a sweep for each workspace: eventually consistent pages
)

// Line is one line of a bill.
type Line struct {
	Service    string  `json:"service"`
	What       string  `json:"what"`
	Arithmetic string  `json:"arithmetic"`
	USD        float64 `json:"usd"`
}

// Bill is what a workload costs a month.
type Bill struct {
	Lines []Line  `json:"lines"`
	Total float64 `json:"total_usd"`
}

func (b *Bill) add(service, what string, usd float64, arithmetic string, args ...any) {
	b.Lines = append(b.Lines, Line{service, what, fmt.Sprintf(arithmetic, args...), usd})
	b.Total += usd
}

// volumes are what a workload makes of calls in a month.
type volumes struct {
	beats, polls, messages, pushed, fetched, calls float64
}

func (w Workload) volumes() (v volumes) {
	often := func(every time.Duration, agents float64) float64 {
		if every <= 0 {
			return 0
		}
		return agents * float64(Month) / float64(every)
	}
	beating := w.Agents
	if !w.PollersBeat {
		beating -= w.Agents * w.Polling
	}
	v.beats = often(w.BeatEvery, beating)
	v.polls = often(w.PollEvery, w.Agents*w.Polling)
	v.messages = w.Agents * w.MessagesPerDay * Month.Hours() / 24
	v.fetched = v.messages * w.Polling
	v.pushed = v.messages - v.fetched
	v.calls = v.beats + v.polls + v.messages
	return v
}

// Of is the monthly bill of a workload on the stack as infra/stack deploys it.
func Of(w Workload, p Prices) (b Bill) {
	v := w.volumes()
	b.add("API Gateway", "HTTP API", p.HTTPAPI.cost(v.calls/1e6), "%s calls × %s a million",
		count(v.calls), tiers(p.HTTPAPI))
	b.lambda(w, v, p)
	b.dynamo(w, v, p)
	if v.pushed > 0 {
		// A wake-up and a ticket are each sent, received and deleted.
		b.add("SQS", "wake-ups and tickets", 3*v.pushed/1e6*(p.SQSStandard+p.SQSFIFO),
			"%s pushed messages × 3 calls × (%s + %s) a million", count(v.pushed), usd(p.SQSStandard), usd(p.SQSFIFO))
	}
	gb := v.calls * logKBPerCall / 1e6
	b.add("CloudWatch", "logs", p.LogsGB.cost(gb), "%s calls × %g KB = %s GB × %s a GB",
		count(v.calls), logKBPerCall, count(gb), tiers(p.LogsGB))
	return b
}

func (b *Bill) lambda(w Workload, v volumes, p Prices) {
	gbs := v.calls * callTime.Seconds() * apiGB
	b.add("Lambda", "calls of the API", v.calls/1e6*p.LambdaRequest+gbs*p.LambdaGBs,
		"%s calls × %s a million + %s GB-s × %g", count(v.calls), usd(p.LambdaRequest), count(gbs), p.LambdaGBs)
	if v.pushed > 0 {
		seconds, how := v.pushed*w.AnswerTime.Seconds(), fmt.Sprintf("%s pushed × %s", count(v.pushed), w.AnswerTime)
		if w.MaxDrains > 0 && w.Waiting() > w.MaxDrains {
			seconds = w.MaxDrains * Month.Seconds()
			how = fmt.Sprintf("%s runs (%s pushes wait at once) × %s s",
				count(w.MaxDrains), count(math.Ceil(w.Waiting())), count(Month.Seconds()))
		}
		gbs = seconds * dispatchGB
		b.add("Lambda", "drains that wait for an answer", v.pushed/1e6*p.LambdaRequest+gbs*p.LambdaGBs,
			"%s × %g GB = %s GB-s × %g", how, dispatchGB, count(gbs), p.LambdaGBs)
	}
	sweeps := Month.Minutes()
	gbs = sweeps * w.Agents * leaseTime.Seconds() * apiGB
	b.add("Lambda", "sweeps", sweeps/1e6*p.LambdaRequest+gbs*p.LambdaGBs,
		"%s sweeps × %s workspaces × %s × %g GB × %g", count(sweeps), count(w.Agents), leaseTime, apiGB, p.LambdaGBs)
}

// emptyPoll is what a poll without mail costs.
func (w Workload) emptyPoll() Units {
	if w.PollersBeat {
		return EmptyPoll(w.PollEvery, w.BeatEvery)
	}
	return EmptyPoll(w.PollEvery, 0)
}

// presence is what heartbeats and polls cost the store in a month.
func (w Workload) presence(p Prices) float64 {
	v, poll := w.volumes(), w.emptyPoll()
	writes := v.beats*Heartbeat.Write + v.polls*poll.Write
	return (writes*p.DynamoWrite + v.polls*poll.Read*p.DynamoRead) / 1e6
}

func (b *Bill) dynamo(w Workload, v volumes, p Prices) {
	poll := w.emptyPoll()
	b.add("DynamoDB", "heartbeats and polls", w.presence(p),
		"((%s beats × %g + %s polls × %.3g) write units × %s + %[3]s polls × %[6]g read units × %[7]s) a million",
		count(v.beats), Heartbeat.Write, count(v.polls), poll.Write, usd(p.DynamoWrite), poll.Read, usd(p.DynamoRead))
	textWrite, textRead := ofText(w.MessageKB)
	write := Enqueue.Write + Take.Write + End.Write + textWrite
	read := Enqueue.Read + Take.Read + End.Read + textRead
	b.add("DynamoDB", "mail", v.messages/1e6*(write*p.DynamoWrite+read*p.DynamoRead),
		"%s messages × (%g write units × %s + %g read units × %s) a million",
		count(v.messages), write, usd(p.DynamoWrite), read, usd(p.DynamoRead))
	reads := Month.Minutes() * w.Agents * sweepReads
	b.add("DynamoDB", "sweeps", reads/1e6*p.DynamoRead, "%s sweeps × %s workspaces × %g read units × %s a million",
		count(Month.Minutes()), count(w.Agents), sweepReads, usd(p.DynamoRead))
	gb := (w.Agents*leaseBytes + v.messages/30*retention*w.MessageKB*1024) / 1e9
	b.add("DynamoDB", "storage", gb*p.DynamoGB, "%s GB (%d days of mail) × %s", count(gb), retention, usd(p.DynamoGB))
}

// count is a number for people: 13.4 thousand is 13,400, and 2,592,000,000 is 2,592 million.
func count(n float64) string {
	switch {
	case n >= 1e7:
		return thousands(math.Round(n/1e6)) + " million"
	case n >= 1000 || n == math.Trunc(n):
		return thousands(math.Round(n))
	}
	return fmt.Sprintf("%.3g", n)
}

func thousands(n float64) string {
	s := fmt.Sprintf("%.0f", n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func usd(price float64) string { return fmt.Sprintf("$%.4g", price) }

// tiers is a price in words.
func tiers(ts Tiers) string {
	if len(ts) == 1 {
		return usd(ts[0].Price)
	}
	return usd(ts[0].Price) + " falling to " + usd(ts[len(ts)-1].Price)
}
