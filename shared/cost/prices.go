package cost

// Prices are list prices in US dollars, without a free tier, a discount, support, taxes or data transfer.
type Prices struct {
	Region string
	Date   string // when they were looked up: the year and the month

	HTTPAPI       Tiers // a million requests
	LambdaRequest float64
	LambdaGBs     float64 // a GB-second on arm64
	DynamoWrite   float64 // a million write units, on demand
	DynamoRead    float64 // a million read units, on demand
	DynamoGB      float64 // a GB stored for a month
	SQSStandard   float64 // a million requests
	SQSFIFO       float64 // a million requests
	LogsGB        Tiers   // a GB of logs taken in

	ALBHour, LCUHour      float64
	IoTMinutes, IoTMsgs   float64 // a million minutes connected; a million messages
	FargateCPU, FargateGB float64 // an hour of one vCPU, of one GB, on arm64
	PostgresHour          float64 // an hour of one db.m7g.large in two zones
	PostgresGB            float64 // a GB of its disk for a month, in two zones
}

// Tier is a price that holds up to a quantity; the last one's is 0, for no end.
type Tier struct{ UpTo, Price float64 }

// Tiers are the prices of one thing, which falls with the quantity.
type Tiers []Tier

// cost is the price of a quantity.
func (ts Tiers) cost(quantity float64) (usd float64) {
	from := 0.0
	for _, t := range ts {
		n := quantity - from
		if t.UpTo > 0 {
			n = min(n, t.UpTo-from)
		}
		if n > 0 {
			usd += n * t.Price
		}
		from = t.UpTo
	}
	return usd
}

// USEast1 are the list prices of us-east-1.
var USEast1 = Prices{
	Region: "us-east-1", Date: "2026-11",
	HTTPAPI:       Tiers{{300, 1.00}, {0, 0.90}},
	LambdaRequest: 0.20, LambdaGBs: 0.0000133334,
	DynamoWrite: 0.625, DynamoRead: 0.125, DynamoGB: 0.25,
	SQSStandard: 0.40, SQSFIFO: 0.50,
	LogsGB:  Tiers{{10_000, 0.50}, {30_000, 0.25}, {50_000, 0.10}, {0, 0.05}},
	ALBHour: 0.0225, LCUHour: 0.008,
	IoTMinutes: 0.08, IoTMsgs: 1.00,
	FargateCPU: 0.03238, FargateGB: 0.00356,
	PostgresHour: 0.336, PostgresGB: 0.23,
}
