// Package meter counts what AWS calls consume: of DynamoDB by its own rule (shared/capacity), from the request and the
// items that it reads or writes, whatever an emulator says. Only tests import it.
package meter

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/rollcall/rollcall/shared/capacity"
	"github.com/rollcall/rollcall/shared/dynamo"
)

// Counts are what calls consumed.
type Counts struct {
	Calls        int
	Transactions int     // of these calls
	Write, Read  float64 // units; Write has those of index entries too
	IndexEntries float64 // units of index entries alone
}

// Meter counts the calls of clients whose configuration it was installed into. What it looks up itself is not counted.
type Meter struct {
	mu     sync.Mutex
	db     *dynamodb.Client
	tables map[string]table
	counts Counts
}

type item = map[string]types.AttributeValue

// table is the names of a table's keys, and the sort key of each of its indexes.
type table struct {
	keys    []string
	indexes map[string]string
}

// Install puts the meter into the configuration of clients.
func (m *Meter) Install(c *aws.Config) {
	m.db, m.tables = dynamodb.NewFromConfig(c.Copy()), map[string]table{}
	c.APIOptions = append(c.APIOptions, func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("meter", m.handle), middleware.Before)
	})
}

// Reset returns what was counted, and counts from zero.
func (m *Meter) Reset() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.counts
	m.counts = Counts{}
	return out
}

// handle makes one call and counts it.
func (m *Meter) handle(
	ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
) (out middleware.InitializeOutput, md middleware.Metadata, err error) {
	writes, times, err := m.writes(ctx, in.Parameters)
	if err != nil {
		return out, md, err
	}
	c := Counts{Calls: 1}
	if _, ok := in.Parameters.(*dynamodb.TransactWriteItemsInput); ok {
		c.Transactions = 1
	}
	if c.Read, err = m.reads(ctx, in.Parameters); err != nil {
		return out, md, err
	}
	out, md, err = next.HandleInitialize(ctx, in)
	for _, w := range writes {
		after, getErr := m.get(ctx, w.table, w.key)
		if getErr != nil {
			return out, md, getErr
		}
		c.Write += times * capacity.Write(dynamo.ItemSize(w.before), dynamo.ItemSize(after))
		for _, sort := range m.tables[w.table].indexes {
			n := times * capacity.WriteEntry(m.entry(w.table, sort, w.before), m.entry(w.table, sort, after))
			c.Write, c.IndexEntries = c.Write+n, c.IndexEntries+n
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.Calls += c.Calls
	m.counts.Transactions += c.Transactions
	m.counts.Write += c.Write
	m.counts.Read += c.Read
	m.counts.IndexEntries += c.IndexEntries
	return out, md, err
}

// written is an item that a request may write, as it is before.
type written struct {
	table  string
	key    item
	before item
}

// writes are the items that a request may write, and how many times its units each costs.
func (m *Meter) writes(ctx context.Context, request any) (out []written, times float64, err error) {
	add := func(name *string, key item) {
		if err != nil {
			return
		}
		w := written{table: aws.ToString(name)}
		if w.key, err = m.keyOf(ctx, w.table, key); err == nil {
			w.before, err = m.get(ctx, w.table, w.key)
		}
		out = append(out, w)
	}
	switch p := request.(type) {
	case *dynamodb.PutItemInput:
		add(p.TableName, p.Item)
	case *dynamodb.UpdateItemInput:
		add(p.TableName, p.Key)
	case *dynamodb.TransactWriteItemsInput:
		for _, w := range p.TransactItems {
			switch {
			case w.Put != nil:
				add(w.Put.TableName, w.Put.Item)
			case w.Update != nil:
				add(w.Update.TableName, w.Update.Key)
			case w.Delete != nil:
				add(w.Delete.TableName, w.Delete.Key)
			case w.ConditionCheck != nil:
				add(w.ConditionCheck.TableName, w.ConditionCheck.Key)
			}
		}
		return out, capacity.InTransaction, err
	}
	return out, 1, err
}

// reads are the units that a request reads.
func (m *Meter) reads(ctx context.Context, request any) (float64, error) {
	switch p := request.(type) {
	case *dynamodb.GetItemInput:
		it, err := m.get(ctx, *p.TableName, p.Key)
		return capacity.Read(dynamo.ItemSize(it), aws.ToBool(p.ConsistentRead)), err
	case *dynamodb.BatchGetItemInput:
		sum := 0.0
		for name, keys := range p.RequestItems {
			for _, key := range keys.Keys {
				it, err := m.get(ctx, name, key)
				if err != nil {
					return 0, err
				}
				sum += capacity.Read(dynamo.ItemSize(it), aws.ToBool(keys.ConsistentRead))
			}
		}
		return sum, nil
	case *dynamodb.QueryInput:
		return m.query(ctx, p)
	case *dynamodb.ScanInput:
		if p.FilterExpression != nil || p.IndexName != nil {
			return 0, fmt.Errorf("meter: this scan can't be counted")
		}
		whole := *p
		whole.ProjectionExpression, whole.ExpressionAttributeNames = nil, nil
		page, err := m.db.Scan(ctx, &whole)
		if err != nil {
			return 0, err
		}
		return capacity.ReadMany(sizes(page.Items), aws.ToBool(p.ConsistentRead)), nil
	}
	return 0, nil
}

// query asks a query again without its projection, as that does not make it cheaper.
func (m *Meter) query(ctx context.Context, p *dynamodb.QueryInput) (float64, error) {
	if p.FilterExpression != nil {
		return 0, fmt.Errorf("meter: a query with a filter can't be counted")
	}
	whole := *p
	if p.ProjectionExpression != nil {
		whole.ProjectionExpression, whole.ExpressionAttributeNames = nil, map[string]string{}
		for placeholder, name := range p.ExpressionAttributeNames {
			if namesIn(*p.KeyConditionExpression)[placeholder] {
				whole.ExpressionAttributeNames[placeholder] = name
			}
		}
	}
	page, err := m.db.Query(ctx, &whole)
	if err != nil {
		return 0, err
	}
	items := page.Items
	if index := aws.ToString(p.IndexName); index != "" {
		t, err := m.table(ctx, *p.TableName)
		if err != nil {
			return 0, err
		}
		for i := range items { // an emulator may give more than the index holds
			items[i] = only(items[i], append(t.keys, t.indexes[index]))
		}
	}
	return capacity.ReadMany(sizes(items), aws.ToBool(p.ConsistentRead)), nil
}

// namesIn are the placeholders of names in an expression.
func namesIn(expression string) map[string]bool {
	out := map[string]bool{}
	for i := range len(expression) {
		if expression[i] != '#' {
			continue
		}
		end := i + 1
		for end < len(expression) && (expression[end] == '_' || isAlphanumeric(expression[end])) {
			end++
		}
		out[expression[i:end]] = true
	}
	return out
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// entry is the entry of an item in the index with this sort key, which projects only keys.
func (m *Meter) entry(name, sort string, it item) capacity.Entry {
	at, ok := it[sort].(*types.AttributeValueMemberS)
	if !ok {
		return capacity.Entry{}
	}
	return capacity.Entry{Key: at.Value, Bytes: dynamo.ItemSize(only(it, append(m.tables[name].keys, sort)))}
}

// get reads an item as it is; nil when there is none.
func (m *Meter) get(ctx context.Context, name string, key item) (item, error) {
	out, err := m.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &name, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, fmt.Errorf("meter: %w", err)
	}
	return out.Item, nil
}

// keyOf is the key of an item, or of a key.
func (m *Meter) keyOf(ctx context.Context, name string, it item) (item, error) {
	t, err := m.table(ctx, name)
	return only(it, t.keys), err
}

// table describes a table, once.
func (m *Meter) table(ctx context.Context, name string) (table, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, known := m.tables[name]; known {
		return t, nil
	}
	out, err := m.db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		return table{}, fmt.Errorf("meter: %w", err)
	}
	t := table{indexes: map[string]string{}}
	for _, k := range out.Table.KeySchema {
		t.keys = append(t.keys, *k.AttributeName)
	}
	for _, index := range out.Table.LocalSecondaryIndexes {
		if index.Projection.ProjectionType != types.ProjectionTypeKeysOnly {
			return t, fmt.Errorf("meter: the index %s projects more than keys", *index.IndexName)
		}
		t.indexes[*index.IndexName] = *index.KeySchema[1].AttributeName
	}
	if len(out.Table.GlobalSecondaryIndexes) > 0 {
		return t, fmt.Errorf("meter: %s has a global index", name)
	}
	m.tables[name] = t
	return t, nil
}

// only is the attributes of an item with these names.
func only(it item, names []string) item {
	out := item{}
	for _, name := range names {
		if av, ok := it[name]; ok {
			out[name] = av
		}
	}
	return out
}

func sizes(items []item) (out []int) {
	for _, it := range items {
		out = append(out, dynamo.ItemSize(it))
	}
	return out
}
