package dynamo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"hash/fnv"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A golden set is what a release writes: testdata/golden/<version>/<item>.json has one
// item each, as it is stored, and means.json what it was read as. During a canary two
// releases read each other's items, and after a roll back the former one reads those
// of the newer.

var writeGolden = flag.String("golden", "", "the release whose golden set is written, such as 0.2.0")

const goldenFolder = "testdata/golden"

// goldenItem is one stored item: each attribute under the name of its type, as
// DynamoDB's own API writes it.
type goldenItem struct {
	Table string     `json:"table"` // "leases" or "chat"
	Item  attributes `json:"item"`
}

type attributes = map[string]map[string]string

// key is what no other item of the set has.
func (g goldenItem) key() string {
	if g.Table == "leases" {
		return g.Table + " " + g.Item[LeaseKey]["S"]
	}
	return g.Table + " " + g.Item[ChatPartition]["S"] + " " + g.Item[ChatSort]["S"]
}

// fill gives each field below v a value that is made of its name alone, so that a field
// that is added changes no other one.
func fill(v reflect.Value, name string) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // it takes all
	n := int64(h.Sum32()%10_000) + 1
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2100, 1, 2, 3, 4, 5, 678e6, time.UTC).Add(time.Duration(n) * time.Second)))
		return
	case reflect.TypeFor[token.Hash]():
		v.Set(reflect.ValueOf(token.Hash(sha256.Sum256([]byte(name)))))
		return
	case reflect.TypeFor[json.RawMessage](), reflect.TypeFor[[]byte]():
		v.SetBytes([]byte(`{"text":"` + name + `"}`))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Anonymous {
				fill(v.Field(i), name)
			} else {
				fill(v.Field(i), f.Name+" of "+name)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), name)
	case reflect.String:
		v.SetString(strings.ToLower(name))
	case reflect.Bool:
		v.SetBool(true)
	default:
		v.SetInt(n)
	}
}

// filled is a value of which no field is zero.
func filled[V any](name string) (v V) {
	fill(reflect.ValueOf(&v).Elem(), name)
	return v
}

// goldenValues are what a golden set is written of.
type goldenValues struct {
	facts         workspace.Facts
	profile       workspace.ProfileChange
	open, ended   chat.Message
	apart         chat.Message // it has long texts
	left, calls   delivery.OutboxItem
	row, audit    activity.Row
	long          activity.Row // it is kept apart from its head
	delegation    delegation.Delegation
	change        statuslog.Change
	fleet         workspace.Fleet
	person        people.Person
	enrolment     registry.Enrolment
	announcedTill time.Time
	cursor        delivery.Cursor
	tally         delivery.Tally
}

func newGoldenValues() goldenValues {
	v := goldenValues{
		facts: filled[workspace.Facts]("facts"), profile: filled[workspace.ProfileChange]("profile"),
		open: filled[chat.Message]("open"), ended: filled[chat.Message]("ended"),
		left: filled[delivery.OutboxItem]("left"), calls: filled[delivery.OutboxItem]("calls"),
		row: filled[activity.Row]("row"), audit: filled[activity.Row]("audit"),
		delegation: filled[delegation.Delegation]("delegation"), change: filled[statuslog.Change]("change"),
		fleet: filled[workspace.Fleet]("fleet"), person: filled[people.Person]("person"),
		enrolment: filled[registry.Enrolment]("enrolment"), announcedTill: filled[time.Time]("announcing"),
		cursor: filled[delivery.Cursor]("cursor"), tally: filled[delivery.Tally]("tally"),
	}
	v.facts.ID = "w"
	v.left.Callback = false
	v.facts.StandsAs, v.facts.SeenFrom = "degraded/push_failing", "192.0.2.7" // which are stored in forms of their own
	life := v.facts.Life()
	for _, m := range []*chat.Message{&v.open, &v.ended} {
		m.Workspace, m.Life, m.Priority = life.Workspace, life.Number, chat.Task
	}
	v.open.State, v.ended.State = chat.InFlight, chat.Delivered
	v.open.BodyApart, v.open.AnswerApart = chat.Apart{}, chat.Apart{} // their texts are short
	v.ended.BodyApart, v.ended.AnswerApart = chat.Apart{}, chat.Apart{}
	v.apart = v.ended
	v.apart.ID, v.apart.Seq = "apart", v.ended.Seq+1
	v.apart.Body, v.apart.Answer = longText("body"), longText("answer")
	for _, r := range []*activity.Row{&v.row, &v.audit} {
		r.Workspace, r.Life = life.Workspace, life.Number
	}
	v.row.Type, v.audit.Type = "notify", activity.TypeAudit
	v.row.Apart, v.audit.Apart = activity.Apart{}, activity.Apart{}
	v.long = v.row
	v.long.ID, v.long.At = "long", v.row.At.Add(time.Second)
	v.long.Request = []byte(`{"text":"` + strings.Repeat(".", activity.InlineRow) + `"}`)
	v.delegation.Source, v.delegation.SourceLife = life.Workspace, life.Number
	v.delegation.Target, v.delegation.TargetLife = life.Workspace, life.Number
	v.change.Workspace, v.change.Life = life.Workspace, life.Number+1 // it counts from 1
	return v
}

// longCardID is a workspace with longCard, which is kept apart.
const longCardID = "long card"

var longCard = []byte(`{"name":"` + strings.Repeat(".", workspace.InlineCard) + `"}`)

// longText is a text that is kept apart from its message.
func longText(name string) []byte {
	return []byte(`{"text":"` + name + strings.Repeat(".", chat.InlineText) + `"}`)
}

// write stores the values, each as the use cases do.
func (v goldenValues) write(t *testing.T, s *Store) {
	t.Helper()
	uuid.SetRand(bytes.NewReader(make([]byte, 1<<10))) // the history's row of a change
	defer uuid.SetRand(nil)
	by := activity.AuditEntry{Actor: activity.Actor{Who: "operator", From: "192.0.2.1"}, Action: "a", At: v.audit.At}
	life := v.facts.Life()
	ctx := t.Context()
	_, put := s.Put(ctx, v.open)
	_, putEnded := s.Put(ctx, v.ended)
	_, putApart := s.Put(ctx, v.apart)
	save := s.Save(ctx, workspace.Facts{}, v.facts, registry.SaveExtras{Profile: &v.profile})
	v.change.Seq = 1
	change := s.AddChanges(ctx, []statuslog.Entry{{Old: v.facts, Next: v.facts, Change: v.change}})
	claimed, claim := s.ClaimMessage(ctx, v.delegation)
	announcing, taken := s.TakeRight(ctx, statuslog.Announcing, v.fleet.SweptAt, v.announcedTill)
	announced := s.NoteAnnounced(ctx, v.announcedTill, statuslog.Announced{Last: 5, Ahead: []int64{7, 8}})
	if !claimed || !announcing {
		t.Fatal("nothing was claimed")
	}
	for _, err := range []error{
		put, putEnded, putApart, save, change, claim, announced, taken,
		s.WriteMessages(ctx, life, nil, delivery.MailboxUpdate{Outbox: []delivery.OutboxItem{v.left, v.calls}}),
		s.NoteTally(ctx, life, v.tally), describe(ctx, s, longCardID, workspace.ProfileChange{Card: longCard}),
		s.AddRow(ctx, v.row), s.AddRow(ctx, v.audit), s.AddRow(ctx, v.long), s.SaveDelegation(ctx, v.delegation),
		s.NoteSweep(ctx, v.fleet), s.NoteSweepEnd(ctx, v.fleet),
		s.NotePass(ctx, workspace.Pass{Cursor: v.fleet.SweepCursor, Seen: v.fleet.Seen, Calls: v.fleet.Counted}),
		s.AddPerson(ctx, v.person, by), s.Enrol(ctx, v.enrolment, by),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// reading is what the stored items are read as.
type reading map[string]any

// read reads all that the values are of, as the use cases do. Zero members are
// left out: a release that adds a field reads an older item as without it.
func (v goldenValues) read(t *testing.T, s *Store) reading {
	t.Helper()
	life := v.facts.Life()
	all := activity.Range{Before: v.announcedTill.AddDate(1, 0, 0), Limit: 10}
	out := reading{}
	read := func(name string, what func(context.Context) (any, error)) {
		got, err := what(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = nonZero(reflect.ValueOf(got))
	}
	read("facts", func(ctx context.Context) (any, error) { return s.Get(ctx, v.facts.ID) })
	read("profile", func(ctx context.Context) (any, error) { return s.Profile(ctx, v.facts.ID) })
	read("long card", func(ctx context.Context) (any, error) {
		return shownProfile(ctx, s, longCardID)
	})
	read("owner", func(ctx context.Context) (any, error) { return s.Owner(ctx, v.facts.Credential) })
	read("next owner", func(ctx context.Context) (any, error) { return s.Owner(ctx, v.facts.NextCredential) })
	read("open mail", func(ctx context.Context) (any, error) { return s.OpenMail(ctx, life, 10) })
	read("messages", func(ctx context.Context) (any, error) { return s.Messages(ctx, life, v.open.ID, v.ended.ID) })
	read("ended", func(ctx context.Context) (any, error) {
		ended, _, err := s.EndedMail(ctx, life, "", 10)
		return ended, err
	})
	read("tally", func(ctx context.Context) (any, error) { return s.Tally(ctx, life) })
	read("outbox", func(ctx context.Context) (any, error) { return s.Outbox(ctx, life) })
	read("callbacks", func(ctx context.Context) (any, error) { return s.CallbackOutbox(ctx, life) })
	read("activity", func(ctx context.Context) (any, error) {
		items, err := s.ActivityLog(ctx, life, all)
		for i := range items {
			items[i].Bytes = 0 // what it takes to read an item is no meaning
		}
		return items, err
	})
	read("long row", func(ctx context.Context) (any, error) {
		return s.WholeRows(ctx, []activity.Row{v.long.Head(make([]byte, 1))})
	})
	read("trail", func(ctx context.Context) (any, error) {
		rows, err := s.AuditTrail(ctx, life, "", 10)
		for i := range rows {
			if rows[i].Type == activity.TypeStatus {
				rows[i].Summary = "" // made of a change, in words for people: those may become others
			}
		}
		return rows, err
	})
	read("delegations", func(ctx context.Context) (any, error) { return s.Delegations(ctx, life, 10) })
	read("claimed", func(ctx context.Context) (any, error) { return s.ClaimMessage(ctx, v.delegation) })
	read("changes", func(ctx context.Context) (any, error) { return s.Changes(ctx, 0, 10) })
	read("latest change", func(ctx context.Context) (any, error) { return s.LatestChange(ctx) })
	read("fleet", func(ctx context.Context) (any, error) { return s.Fleet(ctx) })
	read("announced", func(ctx context.Context) (any, error) { return s.Announced(ctx) })
	read("person", func(ctx context.Context) (any, error) { return s.Person(ctx, v.person.ID) })
	read("people", func(ctx context.Context) (any, error) { return s.People(ctx) })
	read("enrolment", func(ctx context.Context) (any, error) { return s.Enrolment(ctx, v.enrolment.ID) })
	return out
}

// nonZero is v as JSON has it, without what is zero.
func nonZero(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	case token.Hash:
		return x.String()
	case json.RawMessage:
		return parsed(x)
	case []byte:
		return string(x)
	}
	switch v.Kind() {
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			if f := v.Type().Field(i); !v.Field(i).IsZero() {
				inner := nonZero(v.Field(i))
				if group, ok := inner.(map[string]any); ok && f.Anonymous {
					maps.Copy(out, group)
					continue
				}
				out[f.Name] = inner
			}
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for key, value := range v.Seq2() {
			out[key.String()] = nonZero(value)
		}
		return out
	case reflect.Slice:
		out := []any{}
		for _, e := range v.Seq2() {
			out = append(out, nonZero(e))
		}
		return out
	case reflect.Pointer:
		return nonZero(v.Elem())
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	default:
		return float64(v.Int()) // as JSON reads a number
	}
}

// parsed is what a JSON text holds.
func parsed(raw []byte) (v any) {
	if err := json.Unmarshal(raw, &v); err != nil {
		return string(raw)
	}
	return v
}

// stored are the items of both tables, by key.
func stored(t *testing.T, s *Store) map[string]goldenItem {
	t.Helper()
	out := map[string]goldenItem{}
	for name, table := range map[string]string{"leases": s.Leases, "chat": s.Chat} {
		page, err := s.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
		if err != nil || len(page.LastEvaluatedKey) > 0 {
			t.Fatal(err, page.LastEvaluatedKey)
		}
		for _, it := range page.Items {
			g := goldenItem{name, attributes{}}
			for attribute, av := range it {
				g.Item[attribute] = textOfValue(t, av)
			}
			out[g.key()] = g
		}
	}
	return out
}

func textOfValue(t *testing.T, av types.AttributeValue) map[string]string {
	t.Helper()
	switch x := av.(type) {
	case *types.AttributeValueMemberS:
		return map[string]string{"S": x.Value}
	case *types.AttributeValueMemberN:
		return map[string]string{"N": x.Value}
	case *types.AttributeValueMemberB:
		return map[string]string{"B": string(must(json.Marshal(x.Value)))}
	case *types.AttributeValueMemberBOOL:
		return map[string]string{"BOOL": string(must(json.Marshal(x.Value)))}
	}
	t.Fatalf("golden sets know no %T", av)
	return nil
}

func valueOfText(t *testing.T, text map[string]string) types.AttributeValue {
	t.Helper()
	for kind, value := range text {
		switch kind {
		case "S":
			return str(value)
		case "N":
			return &types.AttributeValueMemberN{Value: value}
		case "B":
			var b types.AttributeValueMemberB
			if err := json.Unmarshal([]byte(value), &b.Value); err != nil {
				t.Fatal(err)
			}
			return &b
		case "BOOL":
			return &types.AttributeValueMemberBOOL{Value: value == "true"}
		}
	}
	t.Fatalf("golden sets know no %v", text)
	return nil
}

func must(raw []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return raw
}

// load stores items in new tables.
func load(t *testing.T, items map[string]goldenItem) *Store {
	t.Helper()
	s := newStore(t)
	for _, g := range items {
		it := item{}
		for attribute, text := range g.Item {
			it[attribute] = valueOfText(t, text)
		}
		table := map[string]string{"leases": s.Leases, "chat": s.Chat}[g.Table]
		if _, err := s.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: it}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// goldenSets are the sets by version.
func goldenSets(t *testing.T) map[string]map[string]goldenItem {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(goldenFolder, "*", "items", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden items: %v", err)
	}
	out := map[string]map[string]goldenItem{}
	for _, file := range files {
		version := filepath.Base(filepath.Dir(filepath.Dir(file)))
		if out[version] == nil {
			out[version] = map[string]goldenItem{}
		}
		var g goldenItem
		readJSON(t, file, &g)
		out[version][g.key()] = g
	}
	return out
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// meaningOf is what a release's own code read its set as, and the text of its cursor.
func meaningOf(t *testing.T, version string) (means reading, cursor string) {
	t.Helper()
	readJSON(t, filepath.Join(goldenFolder, version, "means.json"), &means)
	cursor, _ = means["cursor"].(string)
	delete(means, "cursor")
	return means, cursor
}

func compare(t *testing.T, got, want reading) {
	t.Helper()
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is not read", name)
		}
	}
	for name, value := range got {
		if w, ok := want[name]; ok && !reflect.DeepEqual(value, w) {
			t.Errorf("%s is read as\n%s\nand not as\n%s", name, must(json.Marshal(value)), must(json.Marshal(w)))
		}
	}
}

// TestWriteTheGoldenSet writes the set of a release: see CONTRIBUTING.md.
func TestWriteTheGoldenSet(t *testing.T) {
	v, s := newGoldenValues(), newStore(t)
	v.write(t, s)
	items := stored(t, s)
	if *writeGolden == "" {
		v.read(t, load(t, items)) // what is written can be copied and read
		return
	}
	folder := filepath.Join(goldenFolder, *writeGolden)
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(folder, "items"), 0o755); err != nil {
		t.Fatal(err)
	}
	names := strings.NewReplacer(" ", "_", "#", "-", "/", "-")
	for key, g := range items {
		raw := must(json.MarshalIndent(g, "", "  "))
		file := filepath.Join(folder, "items", names.Replace(key)+".json")
		if err := os.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	means := v.read(t, s)
	means["cursor"] = v.cursor.ID(v.facts.Life())
	raw := must(json.MarshalIndent(means, "", "  "))
	if err := os.WriteFile(filepath.Join(folder, "means.json"), append(raw, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Today's code reads what a former release wrote as that release did, also when a later
// one has added attributes and members to it.
func TestGoldenItemsAreReadAsTheReleaseMeantThem(t *testing.T) {
	v := newGoldenValues()
	for version, items := range goldenSets(t) {
		means, cursor := meaningOf(t, version)
		t.Run(version, func(t *testing.T) { compare(t, v.read(t, load(t, items)), means) })
		t.Run(version+" with more in it", func(t *testing.T) {
			compare(t, v.read(t, load(t, withMore(t, items))), means)
		})
		if got, err := delivery.ParseCursor(v.facts.Life(), cursor); err != nil || got != v.cursor {
			t.Errorf("%s: the cursor %s is read as %+v, %v", version, cursor, got, err)
		}
	}
}

// recordsIn are the attributes of an item that are records, which a release may add members to. A claim is compared as
// a whole, so its record is never added to.
func recordsIn(g goldenItem) (attributes []string) {
	for _, attribute := range []string{recordAttribute, messageApart} {
		if _, ok := g.Item[attribute]; ok && !strings.HasPrefix(g.Item[ChatSort]["S"], claimPrefix) {
			attributes = append(attributes, attribute)
		}
	}
	return attributes
}

// withMore are the items with attributes, and members of records, that no release knows.
func withMore(t *testing.T, items map[string]goldenItem) map[string]goldenItem {
	t.Helper()
	out := map[string]goldenItem{}
	for key, g := range items {
		g.Item = maps.Clone(g.Item)
		g.Item["newtext"], g.Item["newnumber"] = map[string]string{"S": "new"}, map[string]string{"N": "7"}
		g.Item["newflag"], g.Item["newbytes"] = map[string]string{"BOOL": "true"}, map[string]string{"B": `"AAEC"`}
		for _, attribute := range recordsIn(g) {
			record, ok := parsed([]byte(g.Item[attribute]["S"])).(map[string]any)
			if !ok {
				t.Fatalf("%s has the record %s", key, g.Item[attribute]["S"])
			}
			record["NewMember"] = map[string]any{"a": []int{1}}
			g.Item[attribute] = map[string]string{"S": string(must(json.Marshal(record)))}
		}
		out[key] = g
	}
	return out
}

// A former release finds in what today's code writes all that it wrote itself, in the
// same form; what it does not know, it ignores and, where it writes a whole item, drops.
// Today's code reads what is left then as that release did.
func TestAFormerReleaseReadsWhatIsWrittenToday(t *testing.T) {
	v, s := newGoldenValues(), newStore(t)
	v.write(t, s)
	today := stored(t, s)
	for version, items := range goldenSets(t) {
		t.Run(version, func(t *testing.T) {
			for _, problem := range unreadable(items, today) {
				t.Error(problem)
			}
			means, cursor := meaningOf(t, version)
			compare(t, v.read(t, load(t, known(items, today))), means)
			if got := v.cursor.ID(v.facts.Life()); got != cursor {
				t.Errorf("the cursor is %s and was %s", got, cursor)
			}
		})
	}
}

// members are an item's attributes; a record is what its text holds.
func members(g goldenItem) map[string]any {
	out := map[string]any{}
	for attribute, text := range g.Item {
		out[attribute] = text
		if attribute == recordAttribute || attribute == messageApart {
			out[attribute] = parsed([]byte(text["S"]))
		}
	}
	return out
}

// holds reports whether a value has all that a former one had.
func holds(now, was any) bool {
	switch was := was.(type) {
	case map[string]any:
		now, ok := now.(map[string]any)
		for member, value := range was {
			ok = ok && holds(now[member], value)
		}
		return ok
	case []any:
		now, ok := now.([]any)
		ok = ok && len(now) == len(was)
		for i := range was {
			ok = ok && holds(now[i], was[i])
		}
		return ok
	}
	return reflect.DeepEqual(now, was)
}

// unreadable is what a release misses, or finds in another form, in the items of today.
func unreadable(was, today map[string]goldenItem) (problems []string) {
	for key, g := range was {
		now := members(today[key])
		for member, value := range members(g) {
			if !holds(now[member], value) {
				problems = append(problems, key+": "+member+" was "+string(must(json.Marshal(value)))+" and is "+
					string(must(json.Marshal(now[member]))))
			}
		}
	}
	slices.Sort(problems)
	return problems
}

// known is what is left of today's items when a release has written them back: what it
// knows itself.
func known(was, today map[string]goldenItem) map[string]goldenItem {
	out := map[string]goldenItem{}
	for key, g := range was {
		left := goldenItem{g.Table, maps.Clone(today[key].Item)}
		maps.DeleteFunc(left.Item, func(attribute string, _ map[string]string) bool {
			_, has := g.Item[attribute]
			return !has
		})
		for _, attribute := range recordsIn(left) {
			had := parsed([]byte(g.Item[attribute]["S"]))
			record := only(parsed([]byte(left.Item[attribute]["S"])), had)
			left.Item[attribute] = map[string]string{"S": string(must(json.Marshal(record)))}
		}
		out[key] = left
	}
	return out
}

// only is what of a value has a counterpart in a former one.
func only(now, was any) any {
	switch now := now.(type) {
	case map[string]any:
		was, _ := was.(map[string]any)
		out := map[string]any{}
		for member, value := range now {
			if former, ok := was[member]; ok {
				out[member] = only(value, former)
			}
		}
		return out
	case []any:
		was, _ := was.([]any)
		out := slices.Clone(now)
		for i := range min(len(now), len(was)) {
			out[i] = only(now[i], was[i])
		}
		return out
	}
	return now
}

// The comparison notices what a former release could not read.
func TestUnreadable(t *testing.T) {
	was := func() goldenItem {
		return goldenItem{"chat", attributes{
			ChatPartition: {"S": "W#w"}, ChatSort: {"S": "M#m"}, messageVersion: {"N": "1"},
			recordAttribute: {"S": `{"Seq":1,"To":"s","In":{"E":2},"All":[{"v":"p"}]}`},
		}}
	}
	record := func(text string) func(attributes) {
		return func(it attributes) { it[recordAttribute] = map[string]string{"S": text} }
	}
	for name, c := range map[string]struct {
		change func(attributes)
		wrong  int
	}{
		"nothing":              {func(attributes) {}, 0},
		"a new attribute":      {func(it attributes) { it["new"] = map[string]string{"S": "x"} }, 0},
		"an attribute is lost": {func(it attributes) { delete(it, messageVersion) }, 1},
		"another type": {func(it attributes) {
			it[messageVersion] = map[string]string{"S": "1"}
		}, 1},
		"a new member":             {record(`{"New":{},"To":"s","Seq":1,"In":{"E":2},"All":[{"v":"p"}]}`), 0},
		"another name of a member": {record(`{"Seq":1,"By":"s","In":{"E":2},"All":[{"v":"p"}]}`), 1},
		"a member inside one":      {record(`{"Seq":1,"To":"s","In":{"E":2,"N":3},"All":[{"v":"p","n":1}]}`), 0},
		"a loss inside a list":     {record(`{"Seq":1,"To":"s","In":{"E":2},"Attempts":[{"n":1}]}`), 1},
		"another key":              {func(it attributes) { it[ChatSort] = map[string]string{"S": "N#m"} }, 4},
	} {
		now := was()
		c.change(now.Item)
		got := unreadable(map[string]goldenItem{was().key(): was()}, map[string]goldenItem{now.key(): now})
		if len(got) != c.wrong {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// The set has each attribute of both tables, and each member of their records.
func TestAGoldenSetHasEachAttribute(t *testing.T) {
	v, s := newGoldenValues(), newStore(t)
	v.write(t, s)
	items := stored(t, s)
	losses := chatLosses()
	for _, attribute := range leaseAttributes {
		losses = append(losses, loss{attribute: attribute})
	}
	for _, l := range losses {
		if !slices.ContainsFunc(slices.Collect(maps.Values(items)), l.isIn) {
			t.Errorf("no golden item has %+v", l)
		}
	}
}

// isIn reports whether an item has what would be lost.
func (l loss) isIn(g goldenItem) bool {
	value, has := g.Item[l.attribute]
	if l.sort == "" {
		return has && g.Table == "leases"
	}
	if l.member != "" {
		record, _ := parsed([]byte(value["S"])).(map[string]any)
		_, has = record[l.member]
	}
	return has && strings.HasPrefix(g.Item[ChatSort]["S"], l.sort)
}
