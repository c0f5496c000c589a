package dynamo

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The expressions of DynamoDB are written here and not by the SDK's builder: that one makes 220 allocations for a
// heartbeat, and links the types of another service into each function.

// attribute is an attribute in an expression: its name behind a "#", as DynamoDB reserves hundreds of words. Names have
// letters and digits only.
type attribute string

func named(name string) attribute { return attribute("#" + name) }

// The operators and functions of conditions.
const (
	opEqual = " = "
	opNot   = " <> "
	opLess  = " < "
	opMost  = " <= "
	opMore  = " > "
	opLeast = " >= "

	opIn      = " IN "
	opBetween = " BETWEEN "
	opAnd     = " AND "
	opOr      = " OR "

	fnExists     = "attribute_exists"
	fnNotExists  = "attribute_not_exists"
	fnContains   = "contains"
	fnBeginsWith = "begins_with"
)

// condition is a condition on one attribute, or on several conditions. The zero condition is none.
type condition struct {
	op      string
	of      attribute
	a, b    types.AttributeValue // nil: the operator takes none
	several []condition          // of opAnd and opOr
}

func (n attribute) Equal(v types.AttributeValue) condition {
	return condition{op: opEqual, of: n, a: v}
}

func (n attribute) NotEqual(v types.AttributeValue) condition {
	return condition{op: opNot, of: n, a: v}
}

func (n attribute) LessThan(v types.AttributeValue) condition {
	return condition{op: opLess, of: n, a: v}
}

func (n attribute) AtMost(v types.AttributeValue) condition {
	return condition{op: opMost, of: n, a: v}
}

func (n attribute) GreaterThan(v types.AttributeValue) condition {
	return condition{op: opMore, of: n, a: v}
}

func (n attribute) AtLeast(v types.AttributeValue) condition {
	return condition{op: opLeast, of: n, a: v}
}

func (n attribute) Exists() condition { return condition{op: fnExists, of: n} }

func (n attribute) NotExists() condition { return condition{op: fnNotExists, of: n} }

func (n attribute) Contains(text string) condition {
	return condition{op: fnContains, of: n, a: str(text)}
}

func (n attribute) BeginsWith(text string) condition {
	return condition{op: fnBeginsWith, of: n, a: str(text)}
}

// In is one of two values.
func (n attribute) In(a, b types.AttributeValue) condition {
	return condition{op: opIn, of: n, a: a, b: b}
}

// Between takes both ends in.
func (n attribute) Between(first, last string) condition {
	return condition{op: opBetween, of: n, a: str(first), b: str(last)}
}

func (c condition) And(d condition) condition {
	return condition{op: opAnd, several: []condition{c, d}}
}

func (c condition) Or(others ...condition) condition {
	return condition{op: opOr, several: append([]condition{c}, others...)}
}

// expressions are the expressions of one request, and what stands in them. What a request has none of is nil: DynamoDB
// refuses an empty text and an empty map.
type expressions struct {
	Update, Condition *string
	Names             map[string]string
	Values            item
}

// writer writes one expression after another of a request.
type writer struct {
	expressions
	text strings.Builder
}

// end takes the expression that was written.
func (w *writer) end() *string {
	if w.text.Len() == 0 {
		return nil
	}
	out := w.text.String()
	w.text.Reset()
	return &out
}

func (w *writer) name(n attribute) {
	if w.Names == nil {
		w.Names = map[string]string{}
	}
	w.Names[string(n)] = string(n[1:])
	w.text.WriteString(string(n))
}

func (w *writer) value(v types.AttributeValue) {
	if w.Values == nil {
		w.Values = item{}
	}
	placeholder := ":" + strconv.Itoa(len(w.Values))
	w.Values[placeholder] = v
	w.text.WriteString(placeholder)
}

func (w *writer) condition(c condition) {
	switch c.op {
	case opAnd, opOr:
		for i, part := range c.several {
			if i > 0 {
				w.text.WriteString(c.op)
			}
			w.text.WriteByte('(')
			w.condition(part)
			w.text.WriteByte(')')
		}
	case fnExists, fnNotExists, fnContains, fnBeginsWith:
		w.text.WriteString(c.op)
		w.text.WriteByte('(')
		w.name(c.of)
		if c.a != nil {
			w.text.WriteString(", ")
			w.value(c.a)
		}
		w.text.WriteByte(')')
	case opIn:
		w.name(c.of)
		w.text.WriteString(" IN (")
		w.value(c.a)
		w.text.WriteString(", ")
		w.value(c.b)
		w.text.WriteByte(')')
	case opBetween:
		w.name(c.of)
		w.text.WriteString(opBetween)
		w.value(c.a)
		w.text.WriteString(opAnd)
		w.value(c.b)
	default:
		w.name(c.of)
		w.text.WriteString(c.op)
		w.value(c.a)
	}
}

// list begins a clause, or goes on with it.
func (w *writer) list(i int, clause string) {
	switch {
	case i > 0:
		w.text.WriteString(", ")
	case w.text.Len() > 0:
		w.text.WriteString(" " + clause + " ")
	default:
		w.text.WriteString(clause + " ")
	}
}

// of is the expressions of a condition alone, or of a key.
func of(c condition) expressions {
	var w writer
	w.condition(c)
	w.Condition = w.end()
	return w.expressions
}
