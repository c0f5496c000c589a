package emulator

import "path/filepath"

// Dirs are the folders of one checkout.
type Dirs struct{ Root string }

// Tools is where make installs what it needs.
func (d Dirs) Tools(p ...string) string {
	return filepath.Join(append([]string{d.Root, ".tools"}, p...)...)
}

// Relative is a path as seen from the root of the checkout.
func (d Dirs) Relative(path string) string {
	if r, err := filepath.Rel(d.Root, path); err == nil {
		return r
	}
	return path
}

// State is where a run writes its files.
func (d Dirs) State(p ...string) string {
	return filepath.Join(append([]string{d.Root, ".rollcall"}, p...)...)
}

// Built is where make build puts binaries.
func (d Dirs) Built(p ...string) string {
	return filepath.Join(append([]string{d.Root, ".build"}, p...)...)
}
