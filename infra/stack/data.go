package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/shared/dynamo"
)

type data struct{ leases, chat awsdynamodb.Table }

func newData(s awscdk.Stack, cfg Config) data {
	recovery := &awsdynamodb.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: jsii.Bool(true)}
	str := func(name string) *awsdynamodb.Attribute {
		return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_STRING}
	}
	table := func(id string, keys awsdynamodb.TableProps) awsdynamodb.Table {
		props := &keys
		props.BillingMode = awsdynamodb.BillingMode_PAY_PER_REQUEST
		props.PointInTimeRecoverySpecification = recovery
		props.DeletionProtection = jsii.Bool(!cfg.Local)
		props.RemovalPolicy = cfg.kept()
		props.MaxReadRequestUnits = atMost(cfg.Settings.MaxReadUnits)
		props.MaxWriteRequestUnits = atMost(cfg.Settings.MaxWriteUnits)
		if read, write := cfg.Settings.WarmReadUnits, cfg.Settings.WarmWriteUnits; read+write > 0 {
			props.WarmThroughput = &awsdynamodb.WarmThroughput{
				ReadUnitsPerSecond: atMost(read), WriteUnitsPerSecond: atMost(write),
			}
		}
		return awsdynamodb.NewTable(s, &id, props)
	}
	d := data{
		// No index: a steady heartbeat must move no index entry.
		leases: table("Leases", awsdynamodb.TableProps{PartitionKey: str(dynamo.LeaseKey)}),
		chat: table("Chat", awsdynamodb.TableProps{
			PartitionKey: str(dynamo.ChatPartition), SortKey: str(dynamo.ChatSort),
			TimeToLiveAttribute: jsii.String(dynamo.TTLAttribute),
		}),
	}
	// A list, not a map: the order of the indexes stands in the template, and they
	// can't be changed while the table exists (docs/decisions/0085).
	for _, index := range []struct{ name, order string }{
		{dynamo.OpenIndex, dynamo.OpenOrder},
		{dynamo.LogIndex, dynamo.LogOrder},
	} {
		d.chat.AddLocalSecondaryIndex(&awsdynamodb.LocalSecondaryIndexProps{
			IndexName: jsii.String(index.name), SortKey: str(index.order),
			ProjectionType: awsdynamodb.ProjectionType_KEYS_ONLY,
		})
	}
	return d
}

// atMost is a bound, nil for none.
func atMost(n int) *float64 {
	if n == 0 {
		return nil
	}
	return jsii.Number(float64(n))
}
