package dynamo

import (
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/fault"
)

// change is a conditional update of one item.
type change struct {
	update    expression.UpdateBuilder
	updates   bool // update changes something
	condition expression.ConditionBuilder
}

func (c *change) set(name expression.NameBuilder, av types.AttributeValue) {
	c.update, c.updates = c.update.Set(name, value(av)), true
}

// setOnce keeps a value that is there already.
func (c *change) setOnce(name expression.NameBuilder, av types.AttributeValue) {
	c.update, c.updates = c.update.Set(name, name.IfNotExists(value(av))), true
}

// setTime removes the attribute of a time that never was.
func (c *change) setTime(name expression.NameBuilder, at time.Time) {
	if at.IsZero() {
		c.remove(name)
		return
	}
	c.set(name, millis(at))
}

// noteTime leaves the attribute as it is when there is no such time.
func (c *change) noteTime(name expression.NameBuilder, at time.Time) {
	if !at.IsZero() {
		c.set(name, millis(at))
	}
}

func (c *change) remove(name expression.NameBuilder) {
	c.update, c.updates = c.update.Remove(name), true
}

// add counts; an absent attribute counts from zero.
func (c *change) add(name expression.NameBuilder, n int64) {
	if n != 0 {
		c.update, c.updates = c.update.Add(name, value(num(n))), true
	}
}

// require adds a condition to those there are.
func (c *change) require(condition expression.ConditionBuilder) {
	if c.condition.IsSet() {
		condition = c.condition.And(condition)
	}
	c.condition = condition
}

// requireSame requires that an attribute is as it was read; absent is a value too.
func (c *change) requireSame(name expression.NameBuilder, was types.AttributeValue) {
	if was == nil {
		c.require(name.AttributeNotExists())
		return
	}
	c.require(name.Equal(value(was)))
}

// differences sets and removes the fields of Facts, of those named, that differ.
func (c *change) differences(was, is item, fields []string) {
	for _, field := range fields {
		name := leaseAttributes[field]
		a, had := was[name]
		b, has := is[name]
		switch {
		case has && (!had || !reflect.DeepEqual(a, b)):
			c.set(lease(field), b)
		case had && !has:
			c.remove(lease(field))
		}
	}
}

// build makes the expressions; a change that updates nothing has only its
// condition.
func (c *change) build() (expression.Expression, error) {
	b := expression.NewBuilder()
	if c.updates {
		b = b.WithUpdate(c.update)
	}
	if c.condition.IsSet() {
		b = b.WithCondition(c.condition)
	}
	e, err := b.Build()
	if err != nil {
		return e, fault.Store("build expression", err)
	}
	return e, nil
}

// write is the change as a part of a transaction: an update, or a check of its
// condition when it updates nothing.
func (c *change) write(table string, key item) (types.TransactWriteItem, error) {
	e, err := c.build()
	if err != nil {
		return types.TransactWriteItem{}, err
	}
	if !c.updates {
		return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: &table, Key: key, ConditionExpression: e.Condition(),
			ExpressionAttributeNames: e.Names(), ExpressionAttributeValues: e.Values(),
		}}, nil
	}
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &table, Key: key, UpdateExpression: e.Update(), ConditionExpression: e.Condition(),
		ExpressionAttributeNames: e.Names(), ExpressionAttributeValues: e.Values(),
	}}, nil
}

// value is an attribute value as an operand.
func value(av types.AttributeValue) expression.ValueBuilder { return expression.Value(av) }
