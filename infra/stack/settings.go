package stack

import (
	"fmt"
	"net/url"
	"strings"
)

// Settings that are the stack's own: no function is given them.
const (
	// settingCORS lists origins, separated by commas, whose web pages may call the API.
	settingCORS = "ROLLCALL_CORS_ORIGINS"
)

// ofStack are the settings that no function is given.
var ofStack = map[string]bool{settingCORS: true}

// corsOrigins are the origins of the setting.
func (c Config) corsOrigins() (out []string) {
	for origin := range strings.SplitSeq(c.Settings[settingCORS], ",") {
		if origin = strings.TrimSpace(origin); origin != "" {
			out = append(out, origin)
		}
	}
	return out
}

// checkSettings refuses a setting of the stack that is none.
func (c Config) checkSettings() error {
	for _, origin := range c.corsOrigins() {
		u, err := url.Parse(origin)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || strings.Contains(u.Host, "*") ||
			origin != u.Scheme+"://"+u.Host {
			return fmt.Errorf("setting %s: %q is not an origin such as https://canvas.example.com; list several with commas",
				settingCORS, origin)
		}
	}
	return nil
}
