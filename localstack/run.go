package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/rollcall/rollcall/localstack/platform"
	"github.com/rollcall/rollcall/localstack/platform/emulator"
)

const welcome = `
Rollcall is at %[1]s  (console: the same address in a browser; API: %[1]s/docs)
rollcall finds it and its root credential by itself, in %[2]s. Ctrl-C stops
everything; what was accepted is kept for the next run (make clean forgets it).

%[3]s`

// What to try: with the open policies of a local platform, and with those of a deployment.
const (
	tryOpen = `Try, in another terminal (an agent, and the command-line program):
  .build/agent -platform %[1]s -id demo -token-file .rollcall/demo.token -journal .rollcall/demo.jsonl &
  .build/rollcall status
  .build/rollcall send demo hello
  .build/rollcall explain demo
`
	tryStrict = `Try, in another terminal. Agents need a credential here%[1]s, as in a deployment:
  test -s .rollcall/demo.token || (umask 077
    .build/rollcall create demo | sed -n 's/^its credential.*: //p' > .rollcall/demo.token)
  ROLLCALL_URL=%[2]s ROLLCALL_ID=demo ROLLCALL_TOKEN_FILE=.rollcall/demo.token \
    python3 examples/poll-python/agent.py &
  .build/rollcall send demo hello
  .build/rollcall explain demo
`
)

// run serves the platform in the foreground and restarts an emulator that ends.
func run(ctx context.Context, dirs emulator.Dirs) error {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	settings, err := runSettings(os.Getenv)
	if err != nil {
		return err
	}
	p, err := platform.Start(ctx, platform.Options{
		Kind: chosenEmulator(), Addr: "127.0.0.1:" + port, Dirs: dirs, Data: dirs.State("data"), Settings: settings,
	})
	if err != nil {
		return err
	}
	defer p.Close()
	file := localFile(dirs)
	if err := writeJSON(file, p.Client); err != nil {
		return err
	}
	defer os.Remove(file)
	fmt.Printf(welcome, p.URL, dirs.Relative(file), toTry(p.URL, settings))
	for {
		select {
		case <-ctx.Done():
			fmt.Fprintln(os.Stderr, "\nstopping")
			return nil
		case <-p.Emulator.Exited():
			fmt.Fprintf(os.Stderr, "%s ended (its log is %s); starting it again\n",
				p.Emulator.Kind, dirs.Relative(p.Emulator.Log()))
			if err := p.Restart(ctx); err != nil {
				return err
			}
		}
	}
}

// toTry is what to try on a platform with these settings.
func toTry(url string, settings map[string]any) string {
	switch {
	case settings["local_policies"] != "deployed":
		return fmt.Sprintf(tryOpen, url)
	case settings["ROLLCALL_AGENT_URLS"] == "private":
		return fmt.Sprintf(tryStrict, "", url)
	}
	return fmt.Sprintf(tryStrict, ", and a public URL or polls", url)
}

// runSettings are the settings that the environment asks for: STRICT leaves out the
// open policies of a local platform, so that the functions have those of a
// deployment. CORS_ORIGINS are a setting, and over them those of SETTINGS, a JSON object as for a deployment.
func runSettings(getenv func(string) string) (map[string]any, error) {
	settings := map[string]any{}
	if getenv("STRICT") != "" {
		settings["local_policies"] = "deployed"
	}
	if origins := getenv("CORS_ORIGINS"); origins != "" {
		settings["ROLLCALL_CORS_ORIGINS"] = origins
	}
	if raw := getenv("SETTINGS"); raw != "" {
		if err := json.Unmarshal([]byte(raw), &settings); err != nil {
			return nil, fmt.Errorf("SETTINGS must be one JSON object, as in {\"ROLLCALL_PROBE_EVERY\": \"10m\"}: %w", err)
		}
	}
	return settings, nil
}

// localFile says where the running platform is, and who its operator is.
func localFile(dirs emulator.Dirs) string { return dirs.State("local.json") }

// writeJSON writes a new file that only its owner may read: it holds a credential.
func writeJSON(file string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o600)
}
