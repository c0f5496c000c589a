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
	removal := awscdk.RemovalPolicy_RETAIN
	if cfg.Local {
		removal = awscdk.RemovalPolicy_DESTROY
	}
	str := func(name string) *awsdynamodb.Attribute {
		return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_STRING}
	}
	d := data{
		// No index: a steady heartbeat must move no index entry.
		leases: awsdynamodb.NewTable(s, jsii.String("Leases"), &awsdynamodb.TableProps{
			PartitionKey: str(dynamo.LeaseKey), BillingMode: awsdynamodb.BillingMode_PAY_PER_REQUEST,
			PointInTimeRecoverySpecification: recovery, RemovalPolicy: removal,
		}),
		chat: awsdynamodb.NewTable(s, jsii.String("Chat"), &awsdynamodb.TableProps{
			PartitionKey: str(dynamo.ChatPartition), SortKey: str(dynamo.ChatSort),
			BillingMode:         awsdynamodb.BillingMode_PAY_PER_REQUEST,
			TimeToLiveAttribute: jsii.String(dynamo.TTLAttribute), PointInTimeRecoverySpecification: recovery,
			RemovalPolicy: removal,
		}),
	}
	// A list, not a map: the order of the indexes stands in the template.
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
