package dynamo

import (
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// An expression is written as DynamoDB reads it: what has several parts has each in parentheses, and no part has two.
func TestExpressionsAreWritten(t *testing.T) {
	a, b := named("a"), named("b")
	for want, c := range map[string]condition{
		"#a = :0":                  a.Equal(num(1)),
		"#a <> :0":                 a.NotEqual(num(1)),
		"#a < :0":                  a.LessThan(num(1)),
		"#a <= :0":                 a.AtMost(num(1)),
		"#a > :0":                  a.GreaterThan(num(1)),
		"#a >= :0":                 a.AtLeast(num(1)),
		"attribute_exists(#a)":     a.Exists(),
		"attribute_not_exists(#a)": a.NotExists(),
		"contains(#a, :0)":         a.Contains("x"),
		"begins_with(#a, :0)":      a.BeginsWith("x"),
		"#a IN (:0, :1)":           a.In(num(1), num(2)),
		"#a BETWEEN :0 AND :1":     a.Between("x", "y"),
		"(#a = :0) AND (#b = :1)":  a.Equal(num(1)).And(b.Equal(num(2))),
		"(#a = :0) OR (#a = :1)":   a.Equal(num(1)).Or(a.Equal(num(2))),
		"((#a = :0) OR (attribute_exists(#b))) AND (#b = :1)": a.Equal(num(1)).Or(b.Exists()).And(b.Equal(num(2))),
	} {
		var w writer
		w.condition(c)
		if got := aws.ToString(w.end()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestAChangeIsWritten(t *testing.T) {
	var c change
	c.remove(named("gone"))
	c.set(named("a"), num(1))
	c.setOnce(named("b"), num(2))
	c.add(named("n"), 3)
	c.add(named("same"), 0)
	c.require(named("a").NotExists())
	c.require(named("a").Equal(num(4)).Or(named("b").Exists()))
	e := c.build()
	if got, want := aws.ToString(e.Update), "SET #a = :0, #b = if_not_exists(#b, :1) REMOVE #gone ADD #n :2"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := aws.ToString(e.Condition),
		"(attribute_not_exists(#a)) AND ((#a = :3) OR (attribute_exists(#b)))"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if len(e.Names) != 4 || e.Names["#gone"] != "gone" || len(e.Values) != 4 {
		t.Errorf("%v, %v", e.Names, e.Values)
	}
}

// DynamoDB refuses an empty text and an empty map.
func TestWhatIsNotThereIsNil(t *testing.T) {
	var none, check, removal change
	check.require(named("a").Exists())
	removal.remove(named("a"))
	for name, c := range map[string]*change{"nothing": &none, "a check": &check, "a removal": &removal} {
		e := c.build()
		if (e.Update != nil) != c.updates() || (e.Condition != nil) != (len(c.required) > 0) || e.Values != nil ||
			(e.Names != nil) != (e.Update != nil || e.Condition != nil) {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// The name of each attribute of a lease can stand behind a "#".
func TestAttributeNamesAreWords(t *testing.T) {
	word := regexp.MustCompile(`^[A-Za-z0-9]+$`)
	for field, name := range leaseAttributes {
		if !word.MatchString(name) {
			t.Errorf("%s: %q", field, name)
		}
	}
}
