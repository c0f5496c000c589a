package dynamo

import (
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// change is a conditional update of one item.
type change struct {
	sets     []setting
	removes  []attribute
	adds     []setting
	required []condition
}

// setting is an attribute and what it is set to, or what is added to it.
type setting struct {
	of   attribute
	to   types.AttributeValue
	once bool // a value that is there already stays
}

// updates reports whether the change changes anything.
func (c *change) updates() bool { return len(c.sets)+len(c.removes)+len(c.adds) > 0 }

func (c *change) set(name attribute, av types.AttributeValue) {
	c.sets = append(c.sets, setting{of: name, to: av})
}

// setOnce keeps a value that is there already.
func (c *change) setOnce(name attribute, av types.AttributeValue) {
	c.sets = append(c.sets, setting{of: name, to: av, once: true})
}

// setTime removes the attribute of a time that never was.
func (c *change) setTime(name attribute, at time.Time) {
	if at.IsZero() {
		c.remove(name)
		return
	}
	c.set(name, millis(at))
}

// noteTime leaves the attribute of a lease as it is when there is no such time.
func (c *change) noteTime(name attribute, at time.Time) {
	if !at.IsZero() {
		c.set(name, instant(at))
	}
}

func (c *change) remove(name attribute) { c.removes = append(c.removes, name) }

// add counts; an absent attribute counts from zero.
func (c *change) add(name attribute, n int64) {
	if n != 0 {
		c.adds = append(c.adds, setting{of: name, to: num(n)})
	}
}

// setCount sets a number, or removes it when it is 0.
func (c *change) setCount(name attribute, n int64) {
	if n == 0 {
		c.remove(name)
		return
	}
	c.set(name, num(n))
}

// require adds a condition to those there are.
func (c *change) require(condition condition) { c.required = append(c.required, condition) }

// requireSame requires that an attribute is as it was read; absent is a value too.
func (c *change) requireSame(name attribute, was types.AttributeValue) {
	if was == nil {
		c.require(name.NotExists())
		return
	}
	c.require(name.Equal(was))
}

// requireTime requires that the attribute of a time of a lease is as it was read.
func (c *change) requireTime(name attribute, was time.Time) {
	if was.IsZero() {
		c.require(name.NotExists())
		return
	}
	c.require(name.Equal(instant(was)))
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
func (c *change) build() expressions {
	var w writer
	for i, s := range c.sets {
		w.list(i, "SET")
		w.name(s.of)
		w.text.WriteString(opEqual)
		if s.once {
			w.text.WriteString("if_not_exists(" + string(s.of) + ", ")
		}
		w.value(s.to)
		if s.once {
			w.text.WriteByte(')')
		}
	}
	for i, name := range c.removes {
		w.list(i, "REMOVE")
		w.name(name)
	}
	for i, s := range c.adds {
		w.list(i, "ADD")
		w.name(s.of)
		w.text.WriteByte(' ')
		w.value(s.to)
	}
	w.Update = w.end()
	switch len(c.required) {
	case 0:
	case 1:
		w.condition(c.required[0])
	default:
		w.condition(condition{op: opAnd, several: c.required})
	}
	w.Condition = w.end()
	return w.expressions
}

// write is the change as a part of a transaction: an update, or a check of its
// condition when it updates nothing.
func (c *change) write(table string, key item) types.TransactWriteItem {
	e := c.build()
	if !c.updates() {
		return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: &table, Key: key, ConditionExpression: e.Condition,
			ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values,
		}}
	}
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &table, Key: key, UpdateExpression: e.Update, ConditionExpression: e.Condition,
		ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values,
	}}
}
