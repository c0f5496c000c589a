package simulation

import (
	"math"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/cost"
)

// The bill of a steady fleet is what rollcall cost says of the same fleet, line by line: the simulation counts the
// calls and the messages that the command takes as given.
func TestTheBillIsThatOfTheCommand(t *testing.T) {
	const agents, tolerance = 20_000, 0.04 // one agent in five polls, by chance
	c := Default(agents, 3)
	fixed := cost.Workload{
		Agents: agents, Polling: c.Polling, PollEvery: c.PollEvery, BeatEvery: fixedBeat, PollersBeat: true,
		MessagesPerDay: c.MessagesPerDay, MessageKB: 1, AnswerTime: c.AnswerTime,
	}
	paced := fixed
	paced.PollersBeat = false
	asks := &run{Config: c, paced: true}
	paced.PollEvery, paced.BeatEvery = asks.period(&agent{polls: true}), asks.period(&agent{})
	for _, w := range []cost.Workload{fixed, paced} {
		got := Play(c, Stories[0], !w.PollersBeat)
		command, simulated := cost.Of(w, cost.USEast1), cost.Of(got.Workload, cost.USEast1)
		for i, line := range command.Lines {
			is := simulated.Lines[i]
			if is.What != line.What || math.Abs(is.USD-line.USD) > tolerance*line.USD {
				t.Errorf("%s: $%.2f, and by the command $%.2f: %s", is.What, is.USD, line.USD, is.Arithmetic)
			}
		}
		if math.Abs(got.Bill-command.Total) > tolerance*command.Total || got.Bill != simulated.Total {
			t.Errorf("the bill is $%.2f, and by the command $%.2f", got.Bill, command.Total)
		}
		t.Logf("polls each %s, beats each %s: $%.0f, and by the command $%.0f",
			w.PollEvery.Round(time.Millisecond), w.BeatEvery.Round(time.Millisecond), got.Bill, command.Total)
	}
}

// A fleet is sent as many messages as it is said to be, also when that is several in a slot.
func TestAFleetIsSentItsMessages(t *testing.T) {
	for _, aSecond := range []float64{1, 100} {
		c := Default(500, 3)
		c.MessagesPerDay, c.AnswerTime = aSecond*(24*time.Hour).Seconds()/500, time.Millisecond
		want := aSecond * Length.Seconds()
		got := float64(Play(c, Stories[0], false).Accepted)
		if math.Abs(got-want) > 4*math.Sqrt(want) {
			t.Errorf("%.0f messages are sent, and not %.0f", got, want)
		}
	}
}
