package workspace_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/rollcall/rollcall/shared/workspace"
)

func TestFieldsOfNamesEachFieldOnce(t *testing.T) {
	got := workspace.FieldsOf[workspace.Mailbox]()
	want := append(workspace.FieldsOf[workspace.Counters](),
		"OldestOpen", "CountedAt", "OutboxItems", "DeliveredAt", "FetchedSince", "AcksEpoch", "HandedAt",
		"FetchedHosts", "ClaimedUntil", "PushesEven", "PushesOdd", "PriorityHadTurn", "TriedAt", "PassedAt",
		"ReachedAt", "ProbedAt", "AsideUntil", "UndeliveredAt", "Audited", "LostMessages", "LostInVain", "LostAt",
		"LostWhy", "FullSince", "FullAt", "FullBy", "FullOpen")
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	inGroups := 0
	for field := range reflect.TypeFor[workspace.Facts]().Fields() {
		group := reflect.VisibleFields(field.Type)
		inGroups += len(slices.DeleteFunc(group, func(f reflect.StructField) bool { return f.Anonymous }))
	}
	if all := workspace.FieldsOf[workspace.Facts](); len(all) != inGroups {
		t.Errorf("%d fields can be selected of %d: two groups have a field of the same name", len(all), inGroups)
	}
}

func TestConserved(t *testing.T) {
	right := workspace.Counters{
		Accepted: 9, Open: 2, InFlight: 1, Missing: 1, Unused: 2,
		Delivered: 1, Expired: 1, Cancelled: 1, Dead: 1,
	}
	if !right.Conserved() {
		t.Error("counters that agree are not conserved")
	}
	for name, wrong := range map[string]func(*workspace.Counters){
		"one too many accepted":    func(c *workspace.Counters) { c.Accepted++ },
		"one too few open":         func(c *workspace.Counters) { c.Open-- },
		"more in flight than open": func(c *workspace.Counters) { c.InFlight = 3 },
		"fewer than none":          func(c *workspace.Counters) { c.InFlight = -1 },
	} {
		c := right
		if wrong(&c); c.Conserved() {
			t.Errorf("%s: conserved", name)
		}
	}
}
