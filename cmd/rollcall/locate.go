package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rollcall/rollcall/shared/client"
)

// locate finds the platform: from the flags, else from the environment, else
// from the nearest .rollcall/local.json, else from the context in use. A credential
// that is kept for one platform is sent to no other, and one that is given by hand
// is not sent to an address that a file of the folder names.
func locate(url, token, context string) (client.Client, error) {
	token = strings.TrimSpace(token)
	if context != "" {
		if url != "" {
			return client.Client{}, &outcome{exitUsage, "give --context or --url, not both"}
		}
		return inContext(context, token)
	}
	given := client.Client{
		URL: strings.TrimRight(strings.TrimSpace(cmp.Or(url, os.Getenv("ROLLCALL_URL"))), "/"),
		// A file's last line end comes along where it is read into the environment.
		OperatorToken: cmp.Or(token, strings.TrimSpace(os.Getenv("ROLLCALL_TOKEN"))),
	}
	if given.URL != "" {
		// The credential of the local platform is not sent to another one.
		return given, checkAddress(given.URL)
	}
	dir, err := os.Getwd()
	if err != nil {
		return client.Client{}, unknownPlatform(err.Error(), "give --url, or set ROLLCALL_URL and ROLLCALL_TOKEN")
	}
	local, err := findLocal(dir)
	if errors.Is(err, os.ErrNotExist) {
		return inContext("", token)
	}
	if err != nil {
		return client.Client{}, err
	}
	if given.OperatorToken != "" {
		return client.Client{}, &outcome{exitUsage, fmt.Sprintf("the credential of --token or ROLLCALL_TOKEN is not sent "+
			"to %s, which a file of this folder names: say --url or set ROLLCALL_URL, say --context, or give no credential",
			local.URL)}
	}
	return local, nil
}

// inContext is the platform of a context, or of the one in use for "".
func inContext(name, token string) (client.Client, error) {
	all, err := readContexts()
	if errors.Is(err, errNoHome) && name == "" {
		return client.Client{}, unknownPlatform(errNoHome.message,
			"give --url, or set ROLLCALL_URL and ROLLCALL_TOKEN: that needs no file")
	}
	if err != nil {
		return client.Client{}, err
	}
	if name == "" && all.Current == "" {
		return client.Client{}, unknownPlatform("", "sign in with rollcall login URL, give --url, set ROLLCALL_URL and "+
			"ROLLCALL_TOKEN, or start one with make run")
	}
	found, err := all.named(cmp.Or(name, all.Current))
	found.OperatorToken = cmp.Or(token, found.OperatorToken)
	return found, err
}

// checkAddress refuses an address that is no HTTP URL, and one with a credential in
// it, which it does not show.
func checkAddress(address string) error {
	_, rest, found := strings.Cut(address, "://")
	if !found {
		rest = address
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	if strings.Contains(rest, "@") {
		return &outcome{exitUsage, "the platform's address must have no user and no password in it"}
	}
	if strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://") {
		return nil
	}
	return &outcome{exitUsage, fmt.Sprintf(
		"the platform's address must begin with http:// or https://, not %q", address)}
}

// findLocal reads .rollcall/local.json of dir or of the nearest folder above it.
// Error: os.ErrNotExist when there is none.
func findLocal(dir string) (client.Client, error) {
	for {
		file := filepath.Join(dir, ".rollcall", "local.json")
		raw, err := os.ReadFile(file)
		if err == nil {
			return parseLocal(file, raw)
		}
		if !errors.Is(err, os.ErrNotExist) {
			return client.Client{}, unknownPlatform(err.Error(), "give --url, or set ROLLCALL_URL and ROLLCALL_TOKEN")
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return client.Client{}, err
		}
		dir = parent
	}
}

// parseLocal decodes the content of a local.json.
func parseLocal(file string, raw []byte) (client.Client, error) {
	var found client.Client
	if err := json.Unmarshal(raw, &found); err != nil || found.URL == "" {
		return client.Client{}, &unreached{
			message: file + " doesn't say where the platform is", next: "start it again with make run", vain: true,
		}
	}
	return client.Client{URL: found.URL, OperatorToken: found.OperatorToken}, nil
}

// unknownPlatform says why no platform is known, "" where no file names one, and how to name one.
func unknownPlatform(why, next string) error {
	if why != "" {
		why = ": " + why
	}
	return &unreached{message: "no platform is known" + why, next: next, vain: true}
}
