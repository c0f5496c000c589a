package cost

import (
	"fmt"
	"math"
)

// Alternative is another way to carry the same workload.
type Alternative struct {
	Name string  `json:"name"`
	USD  float64 `json:"usd"`
	// Changes is the arithmetic of what differs, and Lacks is what the alternative does not do.
	Changes string `json:"changes"`
	Lacks   string `json:"lacks"`
}

// What one unit of a load balancer takes, by its price list.
const (
	lcuConnections = 3000.0 // connections that are open at a time: each agent keeps one
	lcuRequests    = 1000.0 // rule evaluations a second
)

// What a server would take. These are assumptions: Rollcall has no such server.
const (
	callsATask      = 2000.0 // calls a second of a task of 1 vCPU and 2 GB
	minTasks        = 2.0    // one in each zone
	writesADatabase = 5000.0 // short transactions a second of one db.m7g.large
)

// Alternatives are what a user would weigh against the bill b of w.
func Alternatives(w Workload, b Bill, p Prices) []Alternative {
	v := w.volumes()
	seconds, hours := Month.Seconds(), Month.Hours()
	rate := v.calls / seconds
	gateway := p.HTTPAPI.cost(v.calls / 1e6)

	lcus := math.Ceil(max(w.Agents/lcuConnections, rate/lcuRequests))
	alb := hours * (p.ALBHour + lcus*p.LCUHour)

	presence := w.presence(p) + (v.beats+v.polls)/v.calls*(gateway+lambdaOfCalls(v, p))
	minutes := w.Agents * Month.Minutes()
	iot := minutes/1e6*p.IoTMinutes + 2*v.messages/1e6*p.IoTMsgs

	tasks := max(minTasks, math.Ceil(rate/callsATask))
	servers := tasks * hours * (p.FargateCPU + 2*p.FargateGB)
	databases := max(1, math.Ceil(rate/writesADatabase))
	gb := 20 + w.Agents*leaseBytes/1e9 + v.messages/30*retention*w.MessageKB/1e6
	postgres := databases*hours*p.PostgresHour + gb*p.PostgresGB

	return []Alternative{
		{
			Name: "a Function URL in place of the HTTP API", USD: b.Total - gateway,
			Changes: fmt.Sprintf("%s − %s of API Gateway", dollars(b.Total), dollars(gateway)),
			Lacks:   "throttles by route, a domain of its own without CloudFront, one URL for all functions",
		},
		{
			Name: "a load balancer in place of the HTTP API", USD: b.Total - gateway + alb,
			Changes: fmt.Sprintf("%s − %s + %.0f hours × (%s + %.0f units × %s)",
				dollars(b.Total), dollars(gateway), hours, usd(p.ALBHour), lcus, usd(p.LCUHour)),
			Lacks: "throttles; an answer may have 1 MB at most, so polls are cut smaller",
		},
		{
			Name: "IoT Core for presence and polls", USD: b.Total - presence + iot,
			Changes: fmt.Sprintf("%s − %s of heartbeats and polls + %s minutes × %s a million + %s messages × %s a million",
				dollars(b.Total), dollars(presence), count(minutes), usd(p.IoTMinutes), count(2*v.messages), usd(p.IoTMsgs)),
			Lacks: "the clients that exist: they speak HTTP, not MQTT",
		},
		{
			Name: "a server on Fargate with Postgres", USD: alb + servers + postgres,
			Changes: fmt.Sprintf("%.0f tasks of 1 vCPU and 2 GB: %s; %.0f databases with %.0f GB: %s; a load balancer: %s",
				tasks, dollars(servers), databases, gb, dollars(postgres), dollars(alb)),
			Lacks: "an estimate that nobody has built; somebody runs and scales it, and all writes meet in one database",
		},
	}
}

func lambdaOfCalls(v volumes, p Prices) float64 {
	return v.calls/1e6*p.LambdaRequest + v.calls*callTime.Seconds()*apiGB*p.LambdaGBs
}

func dollars(usd float64) string { return "$" + thousands(math.Round(usd)) }
