package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/cost"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/dynamo"
	"github.com/rollcall/rollcall/shared/proof/emulatortest"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// TestBudgetOfALogOfLongRows holds what reads a workspace's log, or other things of it, to a budget that does not grow
// with the rows that its agent wrote there: 1,000 long ones, which stand before what is looked for. An index entry of
// such a row has about 130 bytes; its head is a read unit.
func TestBudgetOfALogOfLongRows(t *testing.T) {
	const rows, length = 1000, 20 << 10
	b := newBench(t)
	life := workspace.Life{Workspace: b.id}
	if err := b.send("first")(); err != nil {
		t.Fatal(err)
	}
	ids, err := b.Delivery.Ledger.OpenMail(t.Context(), life, 1)
	if err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	task := delegation.Delegation{
		ID: "d", Source: b.id, Target: b.id, MessageID: ids[0].ID, At: b.now, Summary: "a task",
	}
	if err := b.Delegations.Store.SaveDelegation(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	store := &dynamo.Store{ // without the meter, which would take its time
		DB: dynamodb.NewFromConfig(emulatortest.Config(t)), Chat: "chat-" + b.id, Retention: time.Hour,
	}
	var written errgroup.Group
	written.SetLimit(8)
	text := []byte(`"` + strings.Repeat("x", length) + `"`)
	for i := range rows {
		written.Go(func() error {
			return store.AddRow(t.Context(), activity.Row{
				ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), Workspace: b.id, Type: "notify", Request: text,
				At: b.now.Add(time.Second + time.Duration(i)*time.Millisecond),
			})
		})
	}
	if err := written.Wait(); err != nil {
		t.Fatal(err)
	}
	nobody := workspace.Life{Workspace: "nobody"}
	for _, c := range []struct {
		name   string
		budget cost.Units
		read   func() error
	}{
		{"receipts, of anybody", cost.Units{Calls: 20, Read: 50}, func() error {
			_, next, err := b.Delivery.List(t.Context(), life, delivery.Selection{Limit: 100})
			if err == nil && next == "" {
				err = fmt.Errorf("the list has ended")
			}
			return err
		}},
		{"receipts, of a peer that sent nothing", cost.Units{Calls: 20, Read: 50}, func() error {
			_, _, err := b.Delivery.List(t.Context(), life, delivery.Selection{Sender: &nobody, Limit: 1})
			return err
		}},
		{"one receipt", cost.Units{Calls: 1, Read: 1}, func() error {
			_, err := b.Delivery.Ledger.Messages(t.Context(), life, ids[0].ID)
			return err
		}},
		{"a page of the log's heads", cost.Units{Calls: 2, Read: 52}, func() error {
			_, err := b.Activity.ActivityLog(t.Context(), life, activity.Range{Limit: 50})
			return err
		}},
		{"a long row that is shown", cost.Units{Calls: 1, Read: length/(4<<10) + 1}, func() error {
			head := activity.Row{ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", 1), Workspace: b.id}.Head(text)
			whole, err := b.Activity.WholeRows(t.Context(), []activity.Row{head})
			if err == nil && whole[0].Request == nil {
				err = fmt.Errorf("it is not there")
			}
			return err
		}},
		{"delegations", cost.Units{Calls: 9, Read: 60}, func() error {
			all, err := b.Delegations.List(t.Context(), life, 50)
			if err == nil && len(all) != 1 {
				err = fmt.Errorf("%d delegations", len(all))
			}
			return err
		}},
		{"audit trail", cost.Units{Calls: 2, Read: 2}, func() error {
			_, err := b.Activity.AuditTrail(t.Context(), life, "", 100)
			return err
		}},
		{"audit of counters", cost.Units{Calls: 1, Read: 1}, func() error {
			_, _, err := b.Delivery.Ledger.EndedMail(t.Context(), life, "", 1000)
			return err
		}},
		{"what a redrive would put back", cost.Units{Calls: 3, Read: 3}, func() error {
			_, _, err := b.Delivery.RedriveAll(t.Context(), b.id, nil, b.now)
			return err
		}},
		{"a task that was sent as a message a moment ago", cost.Units{Calls: 2, Read: 4}, func() error {
			_, err := b.Activity.ActivityLog(t.Context(), life, activity.Range{
				Since: b.now, Limit: 50, Messages: true,
			})
			return err
		}},
		{"list of workspaces", cost.Units{Calls: 2, Read: 3}, func() error {
			_, err := b.Registry.Profiles.Profiles(t.Context(), b.id)
			return err
		}},
	} {
		b.measure(c.name, c.budget, c.read)
	}
	// What was sent before all these rows is found, by calls of that budget.
	calls, below := 0, ""
	for {
		ms, next, err := b.Delivery.List(t.Context(), life, delivery.Selection{Below: below, Limit: 100})
		if calls++; err != nil || calls > 3 {
			t.Fatalf("%d calls, %v", calls, err)
		}
		if len(ms) == 1 && ms[0].State == chat.Queued {
			return
		}
		if below = next; next == "" {
			t.Fatal("the message is not in the list")
		}
	}
}

// TestBudgetOfLongCards holds what reads profiles to a budget that does not grow with the agent cards: a list of 50
// workspaces, each with a card of 60 KB, and a register that brings the card that the workspace has.
func TestBudgetOfLongCards(t *testing.T) {
	const fleet, length = 50, 60 << 10
	b := newBench(t)
	store := &dynamo.Store{ // without the meter, which would take its time
		DB: dynamodb.NewFromConfig(emulatortest.Config(t)), Chat: "chat-" + b.id, Leases: "leases-" + b.id,
		Retention: time.Hour,
	}
	card := []byte(`{"name":"` + strings.Repeat("x", length) + `"}`)
	ids := []string{b.id}
	for i := range fleet - 1 {
		ids = append(ids, fmt.Sprint("w", i))
	}
	for _, id := range ids[1:] {
		profile := registry.SaveExtras{Profile: &workspace.ProfileChange{Name: new(id), Card: card}}
		f := workspace.Facts{Identity: workspace.Identity{ID: id, Version: 1}}
		if err := store.Save(t.Context(), workspace.Facts{}, f, profile); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.beat(0)(); err != nil { // the first use of the credential
		t.Fatal(err)
	}
	register := func() error {
		_, err := b.Registry.Register(t.Context(), registry.Registration{
			ID: b.id, Credential: b.token, From: "127.0.0.1", URL: "http://127.0.0.1:1/", Card: card, CardName: "x",
		}, b.now)
		return err
	}
	const written = 2 * (length>>10 + 1)
	b.measure("register with a new card of 60 KB", cost.Units{Calls: 4, Write: 6 + written, Read: 2}, register)
	b.measure("register with the same card", cost.Units{Calls: 4, Write: 4, Read: 2}, register)
	b.measure("the same card alone", cost.Units{Calls: 2, Write: 1, Read: 1}, func() error {
		_, err := b.Registry.SetCard(t.Context(), b.id, b.token, "127.0.0.1", "x", card, b.now)
		return err
	})
	b.measure("list of 50 with cards of 60 KB", cost.Units{Calls: 1, Read: fleet}, func() error {
		all, err := b.Registry.Profiles.Profiles(t.Context(), ids...)
		if err == nil && len(all) != fleet {
			err = fmt.Errorf("%d profiles", len(all))
		}
		return err
	})
	b.measure("one that is shown, with its card", cost.Units{Calls: 2, Read: 2 + length/(4<<10)}, func() error {
		p, err := b.Registry.ShownProfile(t.Context(), b.id)
		if err == nil && len(p.Card) != len(card) {
			err = fmt.Errorf("the card has %d bytes", len(p.Card))
		}
		return err
	})
}

// TestBudgetOfManyDelegations holds the list of the newest 50 delegations, and the search for a task among them, to a
// budget that does not grow with how many there are: 4,000.
func TestBudgetOfManyDelegations(t *testing.T) {
	const made = 4000
	b := newBench(t)
	store := &dynamo.Store{ // without the meter, which would take its time
		DB: dynamodb.NewFromConfig(emulatortest.Config(t)), Chat: "chat-" + b.id, Retention: time.Hour,
	}
	var written errgroup.Group
	written.SetLimit(8)
	for i := range made {
		written.Go(func() error {
			return store.SaveDelegation(t.Context(), delegation.Delegation{
				ID: uuid.NewString(), Source: b.id, Target: "peer", MessageID: fmt.Sprint("_", i),
				At: b.now.Add(time.Duration(i) * time.Millisecond), Summary: strings.Repeat("x", 200),
			})
		})
	}
	if err := written.Wait(); err != nil {
		t.Fatal(err)
	}
	life := workspace.Life{Workspace: b.id}
	b.measure("the newest 50 of 4,000 delegations", cost.Units{Calls: 5, Read: 200}, func() error {
		all, err := b.Delegations.List(t.Context(), life, 50)
		if err == nil && (len(all) != 50 || all[0].MessageID != fmt.Sprint("_", made-1)) {
			err = fmt.Errorf("%d delegations", len(all))
		}
		return err
	})
	ended := []byte(`{"result":{"kind":"task","id":"t","status":{"state":"completed"}}}`)
	b.measure("a task's end, among 4,000 delegations", cost.Units{Calls: 6, Read: 350}, func() error {
		return b.Delegations.NoteTask(t.Context(), life, workspace.Life{Workspace: "peer"}, ended)
	})
}
