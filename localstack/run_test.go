package main

import (
	"maps"
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
