package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"strings"
)

// credential reads the credential, "" if there is none yet. It is read at each
// call, so that one written meanwhile is used at once. No error shows it: an error
// ends in a log, which others read.
func (a *agent) credential() (string, error) {
	raw, err := os.ReadFile(a.tokenFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	const space = " \t\r\n"
	held := strings.Trim(string(raw), space)
	wrong := ""
	switch {
	case held == "":
		wrong = "is empty: put the credential there, or remove the file"
	case strings.ContainsFunc(held, func(r rune) bool { return (r <= ' ' || r > '~') && !strings.ContainsRune(space, r) }):
		wrong = "has a byte that is no printable ASCII: write the credential there again"
	case strings.ContainsAny(held, space):
		wrong = "has more than one word: leave only the credential there"
	default:
		return held, nil
	}
	return "", fmt.Errorf("the file of the credential, %s, %s", a.tokenFile, wrong)
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
