package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunTakesTheSettingsOfADeployment(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want map[string]any // nil: refused
	}{
		{nil, map[string]any{}},
		{map[string]string{"STRICT": "1"}, map[string]any{"local_policies": "deployed"}},
		{
			map[string]string{"STRICT": "1", "SETTINGS": `{"ROLLCALL_AGENT_URLS": "private", "max_drains": 2}`},
			map[string]any{
				"local_policies": "deployed", "ROLLCALL_AGENT_URLS": "private", "max_drains": 2.0,
			},
		},
		{map[string]string{"CORS_ORIGINS": "http://a.test"}, map[string]any{"ROLLCALL_CORS_ORIGINS": "http://a.test"}},
		{map[string]string{"SETTINGS": "max_drains=2"}, nil},
	} {
		got, err := runSettings(func(name string) string { return c.env[name] })
		if (err != nil) != (c.want == nil) || err == nil && !maps.Equal(got, c.want) {
			t.Errorf("%v: %v, %v", c.env, got, err)
		}
	}
}

// What the banner says of agents' URLs is what the settings say.
func TestTheBannerKnowsWhichURLsMayBeCalled(t *testing.T) {
	for name, c := range map[string]struct {
		env    map[string]string
		public bool
	}{
		"open":              {map[string]string{}, false},
		"strict":            {map[string]string{"STRICT": "1"}, true},
		"strict, rehearsed": {map[string]string{"STRICT": "1", "SETTINGS": `{"ROLLCALL_AGENT_URLS": "private"}`}, false},
	} {
		settings, err := runSettings(func(name string) string { return c.env[name] })
		if err != nil {
			t.Fatal(err)
		}
		said := toTry("http://127.0.0.1:8080", settings)
		if strings.Contains(said, "public URL") != c.public || strings.Contains(said, "%") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// The lines that a strict platform says to try start an agent with the credential that create shows, once and again.
func TestTheStrictBannersLinesStartAnAgent(t *testing.T) {
	const shown = "its credential, shown this once: %s\\n"
	source, err := os.ReadFile(filepath.Join("..", "cmd", "rollcall", "create.go"))
	if err != nil || !strings.Contains(string(source), shown) {
		t.Fatalf("create says other words than %q: %v", shown, err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(".build/rollcall", fmt.Sprintf(`[ "$1" != create ] || printf 'created demo: pending (never_seen)\n`+shown+`' `+
		"rcw_good\necho \"$@\" >> said\n", "%s"))
	write("bin/python3", `echo "$1 $ROLLCALL_ID $ROLLCALL_URL $(cat $ROLLCALL_TOKEN_FILE)" >> started`)
	if err := os.Mkdir(filepath.Join(dir, ".rollcall"), 0o700); err != nil {
		t.Fatal(err)
	}
	said := toTry("http://127.0.0.1:1", map[string]any{"local_policies": "deployed"})
	_, lines, _ := strings.Cut(said, "\n")
	for range 2 {
		cmd := exec.Command("bash", "-c", lines+"wait")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for file, want := range map[string]string{
		"started": strings.Repeat("examples/poll-python/agent.py demo http://127.0.0.1:1 rcw_good\n", 2),
		"said":    "create demo\n" + strings.Repeat("send demo hello\nexplain demo\n", 2),
	} {
		if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", file, got, err)
		}
	}
	if _, err := os.Stat(filepath.Join("..", "examples", "poll-python", "agent.py")); err != nil {
		t.Error(err)
	}
	if is, err := os.Stat(filepath.Join(dir, ".rollcall", "demo.token")); err != nil || is.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", is, err)
	}
}
