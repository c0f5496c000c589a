package main

import (
	"maps"
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
