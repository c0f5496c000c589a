package fault

import "golang.org/x/sync/errgroup"

// Each does something with each of all, atOnce of them at a time and contained, and gives the error of each.
func Each[T any](all []T, atOnce int, do func(i int, one T) error) []error {
	errs := make([]error, len(all))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, one := range all {
		g.Go(func() error {
			errs[i] = Contain(func() error { return do(i, one) })
			return nil
		})
	}
	_ = g.Wait() // each has its own error
	return errs
}
