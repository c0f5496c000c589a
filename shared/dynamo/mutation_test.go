package dynamo

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/storetest"
	"github.com/rollcall/rollcall/shared/statuslog"
)

// loss is an attribute, or a member of a record, that is never read back from
// some of a table's items.
type loss struct {
	sort      string // what the sort keys of the items begin with; "" is any item
	attribute string
	member    string // of the record; "": the whole attribute
}

// losing is a client that loses it.
type losing struct {
	API
	table string
	loss
}

func (l losing) strike(table string, it item) item {
	if _, ok := it[l.attribute]; !ok || table != l.table || !strings.HasPrefix(strOf(it[ChatSort]), l.sort) {
		return it
	}
	it = maps.Clone(it)
	if l.member == "" {
		delete(it, l.attribute)
		return it
	}
	var record map[string]json.RawMessage
	if err := json.Unmarshal([]byte(strOf(it[l.attribute])), &record); err != nil {
		panic(err) // encodeRecord made it
	}
	delete(record, l.member)
	raw, err := json.Marshal(record)
	if err != nil {
		panic(err) // it was JSON
	}
	it[l.attribute] = str(string(raw))
	return it
}

func (l losing) strikeAll(table string, items []item) {
	for i := range items {
		items[i] = l.strike(table, items[i])
	}
}

func (l losing) GetItem(
	ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options),
) (*dynamodb.GetItemOutput, error) {
	out, err := l.API.GetItem(ctx, in, o...)
	if err == nil {
		out.Item = l.strike(*in.TableName, out.Item)
	}
	return out, err
}

func (l losing) UpdateItem(
	ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options),
) (*dynamodb.UpdateItemOutput, error) {
	out, err := l.API.UpdateItem(ctx, in, o...)
	if err == nil {
		out.Attributes = l.strike(*in.TableName, out.Attributes)
	}
	return out, err
}

func (l losing) Query(
	ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options),
) (*dynamodb.QueryOutput, error) {
	out, err := l.API.Query(ctx, in, o...)
	if err == nil {
		l.strikeAll(*in.TableName, out.Items)
	}
	return out, err
}

func (l losing) Scan(
	ctx context.Context, in *dynamodb.ScanInput, o ...func(*dynamodb.Options),
) (*dynamodb.ScanOutput, error) {
	out, err := l.API.Scan(ctx, in, o...)
	if err == nil {
		l.strikeAll(*in.TableName, out.Items)
	}
	return out, err
}

func (l losing) BatchGetItem(
	ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options),
) (*dynamodb.BatchGetItemOutput, error) {
	out, err := l.API.BatchGetItem(ctx, in, o...)
	if err == nil {
		for table, items := range out.Responses {
			l.strikeAll(table, items)
		}
	}
	return out, err
}

// membersOf are the names of a record's members.
func membersOf[V any]() (out []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[V]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			out = append(out, name)
		} else if !f.Anonymous {
			out = append(out, f.Name)
		}
	}
	return out
}

// chatLosses are the attributes of the chat table, and the members of its
// records, by what the sort keys of the items begin with.
func chatLosses() (out []loss) {
	for sort, attributes := range map[string][]string{
		messagePrefix: {messageVersion, messageState, messageBody, messageAnswer, messageApart, LogOrder, OpenOrder},
		bodyPrefix:    {messageBody},
		answerPrefix:  {messageAnswer},
		rowPrefix:     {LogOrder},
		profileSort:   {profileName, profileURL, profileRuntime, profileRole, profileTier, profileCard, profileCardApart},
		cardSort:      {profileCard},
		ownerSort:     {ownerAttribute, ownerLifeAttribute},
		enrolmentSort: {enrolmentHash, enrolmentUses, enrolmentUntil, enrolmentWorkspace, enrolmentLife},
		fleetSort:     {"swept", "deaf", "heard", "next", "seq"},
		rightSort:     {"last", "ahead"},
	} {
		for _, a := range attributes {
			out = append(out, loss{sort: sort, attribute: a})
		}
	}
	for _, m := range []string{"BodyApart", "AnswerApart"} {
		out = append(out, loss{messagePrefix, messageApart, m})
	}
	for sort, members := range map[string][]string{
		messagePrefix:    slices.DeleteFunc(membersOf[messageRecord](), isApart),
		rowPrefix:        membersOf[activity.Row](),
		trailPrefix:      slices.DeleteFunc(membersOf[activity.Row](), isApart),
		delegationPrefix: membersOf[delegation.Delegation](),
		tallySort:        membersOf[delivery.Tally](),
		changePrefix:     membersOf[statuslog.Change](),
	} {
		for _, m := range members {
			out = append(out, loss{sort, recordAttribute, m})
		}
	}
	return out
}

// isApart reports whether a member is only in the record of a message with a text apart, or in the head of a row.
func isApart(member string) bool {
	return member == "BodyApart" || member == "AnswerApart" || member == "Apart"
}

func TestTheContractNoticesEachAttributeThatIsLost(t *testing.T) {
	// A page of changes is in no golden set: how it is compressed may change with the compiler.
	losses := append(chatLosses(), loss{sort: changePrefix, attribute: changesAttribute})
	for _, attribute := range leaseAttributes {
		losses = append(losses, loss{attribute: attribute})
	}
	for _, l := range losses {
		s := newStore(t) // a small table is scanned quickly
		table := s.Chat
		if l.sort == "" {
			table = s.Leases
		}
		s.DB = losing{s.DB, table, l}
		if why := storetest.Breaks(t, s, s.Policy); why == "" {
			t.Errorf("no case of the contract notices that %+v is lost", l)
		}
	}
}
