package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rollcall/rollcall/shared/api"
)

func (a *app) loginCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "login URL",
		Short: "Sign in to a platform, for the next commands",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			address := strings.TrimRight(args[0], "/")
			if err := checkAddress(address); err != nil {
				return err
			}
			parsed, err := url.Parse(address)
			if err != nil || parsed.Host == "" {
				return &outcome{exitUsage, fmt.Sprintf("%q is no address of a platform", args[0])}
			}
			if parsed.Scheme == "http" && !isLoopback(parsed.Hostname()) {
				a.warn("http sends the credential so that anyone on the way can read it; use https")
			}
			return a.login(cmd.Context(), cmd.InOrStdin(), address, cmp.Or(name, a.context, parsed.Hostname()))
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what the context is called (without it: --context, else the host)")
	return cmd
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func (a *app) login(ctx context.Context, in io.Reader, address, name string) error {
	all, err := readContexts()
	if err != nil {
		return err
	}
	credential, err := a.readCredential(in, address)
	if err != nil {
		return err
	}
	a.platform.URL, a.platform.OperatorToken, a.url = address, credential, address
	var me api.Me
	if err := a.call(ctx, "GET", "/whoami", nil, &me); err != nil {
		return err
	}
	all.All[name], all.Current = a.platform, name
	if err := all.write(); err != nil {
		return err
	}
	out := map[string]any{"context": name, "url": address, "name": me.Name, "scope": me.Scope, "expires_at": me.ExpiresAt}
	return a.show(out, func(w *printer) {
		until := ""
		if !me.ExpiresAt.IsZero() {
			until = ", until " + w.at(me.ExpiresAt)
		}
		fmt.Fprintf(w, "signed in to %s as %s (%s%s); the context %s is in use\n", address, me.Name, me.Scope, until, name)
		noteLocal(w, name)
	})
}

// maxCredential is more than the longest credential.
const maxCredential = 4096

// readCredential reads a credential: from a terminal without showing it, else the
// first line.
func (a *app) readCredential(in io.Reader, address string) (string, error) {
	var line string
	if file, ok := in.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprintf(a.errs, "credential for %s: ", address)
		raw, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(a.errs)
		if err != nil {
			return "", &outcome{exitUsage, "the credential can't be read: " + err.Error()}
		}
		line = string(raw)
	} else {
		read, err := bufio.NewReader(io.LimitReader(in, maxCredential)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", &outcome{exitUsage, "the credential can't be read: " + err.Error()}
		}
		line = read
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", &outcome{exitUsage, "no credential was given: type it, or give it on standard input"}
	}
	return line, nil
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout [CONTEXT]", Short: "Forget the credential of the context in use, or of another",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			all, err := readContexts()
			if err != nil {
				return err
			}
			name := cmp.Or(a.context, all.Current)
			if len(args) > 0 {
				name = args[0]
			}
			if _, err := all.named(name); err != nil {
				return err
			}
			delete(all.All, name)
			if all.Current == name {
				all.Current = ""
			}
			if err := all.write(); err != nil {
				return err
			}
			out := map[string]string{"context": name, "status": "forgotten"}
			return a.show(out, func(w *printer) {
				fmt.Fprintf(w, "the context %s is forgotten; its credential is good until it is revoked\n", name)
			})
		},
	}
}

func (a *app) contextCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "context", Short: "List the platforms that you have signed in to", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.listContexts() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the platforms that you have signed in to", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return a.listContexts() },
		},
		&cobra.Command{
			Use: "use CONTEXT", Short: "Choose the platform of the next commands", Args: cobra.ExactArgs(1),
			ValidArgsFunction: completeContexts,
			RunE:              func(_ *cobra.Command, args []string) error { return a.useContext(args[0]) },
		},
	)
	return cmd
}

func (a *app) useContext(name string) error {
	all, err := readContexts()
	if err != nil {
		return err
	}
	chosen, err := all.named(name)
	if err != nil {
		return err
	}
	all.Current = name
	if err := all.write(); err != nil {
		return err
	}
	out := map[string]string{"context": name, "url": chosen.URL}
	return a.show(out, func(w *printer) {
		fmt.Fprintf(w, "the context %s (%s) is in use\n", name, chosen.URL)
		noteLocal(w, name)
	})
}

// noteLocal says that a platform of this folder comes before the context in use.
func noteLocal(w *printer, name string) {
	dir, err := os.Getwd()
	if err != nil {
		return
	}
	if local, err := findLocal(dir); err == nil {
		fmt.Fprintf(w, "in this folder, the platform of make run (%s) comes first: say --context %s\n", local.URL, name)
	}
}

func (a *app) listContexts() error {
	all, err := readContexts()
	if err != nil {
		return err
	}
	rows := []contextRow{}
	for _, name := range all.names() {
		rows = append(rows, contextRow{name, all.All[name].URL, name == all.Current})
	}
	return a.show(rows, func(w *printer) { contextTable(w, rows) })
}

// contextRow is a platform that a person has signed in to.
type contextRow struct {
	Name    string `json:"context"`
	URL     string `json:"url"`
	Current bool   `json:"current"`
}

// contextTable prints a line for each context; the one in use has a mark.
func contextTable(w *printer, contexts []contextRow) {
	if len(contexts) == 0 {
		fmt.Fprintln(w, "none yet: rollcall login URL makes one")
		return
	}
	var rows [][]string
	for _, r := range contexts {
		mark := "  "
		if r.Current {
			mark = "* "
		}
		rows = append(rows, []string{mark + r.Name, r.URL})
	}
	w.table([]column{{head: "  CONTEXT"}, {head: "URL", least: 16}}, rows)
}
