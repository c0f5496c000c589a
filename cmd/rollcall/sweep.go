package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
)

func (a *app) sweepCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sweep",
		Short: "Sweep now instead of at the next minute",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var out api.Swept
			if err := a.call(cmd.Context(), "POST", "/sweep", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w *printer) { sweepReport(w, out) })
		},
	}
}

// sweepReport prints what a sweep did.
func sweepReport(w *printer, s api.Swept) {
	if s.Segments > 0 {
		fmt.Fprintf(w, "%d segments are being swept, each by a function of its own\n", s.Segments)
	}
	fmt.Fprintf(w, "%d seen, %d drains woken, %d changes noticed, %d messages ended, %d probed\n",
		s.Seen, s.Woken, s.Announced, s.Expired, s.Probed)
	for _, id := range s.Broken {
		fmt.Fprintln(w, "counters mended:", id)
	}
	for _, e := range s.Errors {
		fmt.Fprintln(w, "error:", e)
	}
}
