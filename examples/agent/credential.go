package main

import (
	"context"
	"log"
	"os"
	"strings"
)

// credential reads the credential, "" if there is none yet. It is read at each
// call, so that one written meanwhile is used at once.
func (a *agent) credential() string {
	raw, err := os.ReadFile(a.tokenFile)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// keep stores a credential; "" leaves the one there is. The file is replaced in
// one step: a crash half way must not lose both the old one and the new.
func (a *agent) keep(credential string) error {
	if credential == "" {
		return nil
	}
	if err := os.WriteFile(a.tokenFile+".new", []byte(credential), 0o600); err != nil {
		return err
	}
	return os.Rename(a.tokenFile+".new", a.tokenFile)
}

// rotate fetches the new credential that the platform holds ready. The old one
// stays valid until the first call that uses the new one.
func (a *agent) rotate(ctx context.Context) error {
	var reply struct {
		AuthToken string `json:"auth_token"`
	}
	if _, err := a.call(ctx, "/workspaces/"+a.id+"/rotate", nil, &reply); err != nil {
		return err
	}
	log.Print("credential rotated")
	return a.keep(reply.AuthToken)
}
