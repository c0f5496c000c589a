package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/rollcall/rollcall/shared/client"
)

// contexts are the platforms that a person has signed in to, and which of them is
// in use. They stand in one file, which only its owner may read.
type contexts struct {
	Current string                   `json:"current"`
	All     map[string]client.Client `json:"contexts"`
}

// contextsFile is where they stand.
func contextsFile() (string, error) {
	if file := os.Getenv("ROLLCALL_CONTEXTS"); file != "" {
		return file, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil && os.Getenv("XDG_CONFIG_HOME") != "" { // it is no whole path
		return "", &outcome{exitUsage, "the file of contexts can't be found: " + err.Error()}
	} else if err != nil {
		return "", errNoHome
	}
	return filepath.Join(dir, "rollcall", "contexts.json"), nil
}

// errNoHome is why contexts can be neither read nor kept: nothing says where their file is.
var errNoHome = &outcome{exitUsage, noHome() + ", and so the file of contexts is not known. Set it, or set " +
	"ROLLCALL_CONTEXTS to that file"}

// noHome says which variable is missing.
func noHome() string {
	if runtime.GOOS == "windows" {
		return "AppData is not set"
	}
	return "HOME is not set"
}

// readContexts reads the file; without one there are none.
func readContexts() (contexts, error) {
	none := contexts{All: map[string]client.Client{}}
	file, err := contextsFile()
	if err != nil {
		return none, err
	}
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return none, &outcome{exitUsage, fmt.Sprintf("%s has credentials, and others can read it: chmod 600 %s", file, file)}
	}
	var raw []byte
	if err == nil {
		raw, err = os.ReadFile(file)
	}
	found := none
	if err == nil {
		err = json.Unmarshal(raw, &found)
	}
	if err != nil {
		return none, &outcome{exitUsage, fmt.Sprintf("%s can't be read: %v", file, err)}
	}
	if found.All == nil {
		found.All = none.All
	}
	return found, nil
}

// write replaces the file in one step.
func (cs contexts) write() error {
	file, err := contextsFile()
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(cs, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return &outcome{exitUsage, err.Error()}
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".contexts-*") // of mode 0600
	if err != nil {
		return &outcome{exitUsage, err.Error()}
	}
	_, err = temporary.Write(append(raw, '\n'))
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
		return &outcome{exitUsage, err.Error()}
	}
	return nil
}

// names are the contexts' names, in order.
func (cs contexts) names() []string { return slices.Sorted(maps.Keys(cs.All)) }

// named is a context. Error: which there are.
func (cs contexts) named(name string) (client.Client, error) {
	found, ok := cs.All[name]
	if ok {
		return found, nil
	}
	if len(cs.All) == 0 {
		return found, &outcome{exitUsage, "there is no context yet: rollcall login URL makes one"}
	}
	there := strings.Join(cs.names(), ", ")
	return found, &outcome{exitUsage, fmt.Sprintf("no context is called %q; there are: %s", name, there)}
}
