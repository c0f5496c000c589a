package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// tryRestore restores the tables of production by the commands of docs/deploy.md, as they
// stand there, and checks that what was stored is served again.
func (r *rehearsal) tryRestore(ctx context.Context) error {
	fmt.Fprintln(r.out, "production's tables, restored by the commands of docs/deploy.md")
	script, err := r.commandsOf("Restore the tables")
	if err != nil {
		return err
	}
	smoke, err := r.line.build("smoke-Prod")
	if err != nil {
		return err
	}
	p, err := r.deployed(ctx, smoke)
	if err != nil {
		return err
	}
	id, message := uuid.NewString(), uuid.NewString()
	if err := p.store(ctx, id, message); err != nil {
		return err
	}
	// The first line of the section is an example of what a person sets.
	_, commands, _ := strings.Cut(script, "\n")
	cmd := r.command(ctx, r.dirs.State("rehearsal"), "bash", "-c", "set -e\n"+commands)
	cmd.Env = append(cmd.Env, "STACK=Prod-Rollcall", "AT="+time.Now().UTC().Format(time.RFC3339))
	if printed, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("restoring: %w\n%s", err, printed)
	}
	if err := p.stored(ctx, id, message); err != nil {
		return err
	}
	if err := r.protected(ctx); err != nil {
		return err
	}
	fmt.Fprintln(r.out, "  ok    what was stored is there, and the tables are protected again")
	if err := r.build(ctx, smoke); err != nil {
		return err
	}
	fmt.Fprintln(r.out, "  ok    it serves: a workspace lives its life")
	return nil
}

// commandsOf are the code blocks of a section of docs/deploy.md, one after another.
func (r *rehearsal) commandsOf(section string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(r.dirs.Root, "docs", "deploy.md"))
	if err != nil {
		return "", err
	}
	_, text, found := strings.Cut(string(raw), "\n## "+section+"\n")
	if !found {
		return "", fmt.Errorf("docs/deploy.md has no section %s", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var script strings.Builder
	for line := range strings.Lines(text) {
		if code, ok := strings.CutPrefix(line, "    "); ok {
			script.WriteString(code)
		}
	}
	return script.String(), nil
}

// production is the deployed stage as its smoke step reaches it.
type production struct{ client.Client }

func (r *rehearsal) deployed(ctx context.Context, smoke action) (production, error) {
	variables, err := r.environment(ctx, smoke)
	var p production
	for _, v := range variables {
		switch name, value, _ := strings.Cut(v, "="); name {
		case "ROLLCALL_URL":
			p.URL = value
		case "ROLLCALL_TOKEN":
			p.OperatorToken = value
		}
	}
	return p, err
}

// store creates a workspace, and sends it a message that waits.
func (p production) store(ctx context.Context, id, message string) error {
	made, err := p.Do(ctx, http.MethodPost, "/workspaces", p.OperatorToken, map[string]any{"id": id})
	if err == nil && made.Status != http.StatusCreated {
		err = fmt.Errorf("creating answers %d: %s", made.Status, made.Raw)
	}
	if err != nil {
		return err
	}
	sent, err := p.Do(ctx, http.MethodPost, "/workspaces/"+id+"/a2a", p.OperatorToken, client.Message(message, "kept"))
	if err == nil && sent.Status >= http.StatusMultipleChoices {
		err = fmt.Errorf("sending answers %d: %s", sent.Status, sent.Raw)
	}
	return err
}

// stored checks that the message still waits.
func (p production) stored(ctx context.Context, id, message string) error {
	return client.Until(ctx, time.Minute, func() error {
		got, err := p.Do(ctx, http.MethodGet, "/workspaces/"+id+"/messages/"+message, p.OperatorToken, nil)
		if err == nil && got.Text("state") != "queued" {
			err = fmt.Errorf("after the restore the message's receipt is %d: %s", got.Status, got.Raw)
		}
		return err
	})
}

// protected checks that the tables have what is no part of a restore.
func (r *rehearsal) protected(ctx context.Context) error {
	names, err := r.aws(ctx, "cloudformation", "list-stack-resources", "--stack-name", "Prod-Rollcall", "--output", "text",
		"--query", "StackResourceSummaries[?ResourceType=='AWS::DynamoDB::Table'].PhysicalResourceId")
	if err != nil {
		return err
	}
	expiry := ""
	for name := range strings.FieldsSeq(names) {
		for _, want := range [][]string{
			{"True", "describe-table", "Table.DeletionProtectionEnabled"},
			{
				"ENABLED", "describe-continuous-backups",
				"ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus",
			},
		} {
			got, err := r.aws(ctx, "dynamodb", want[1], "--table-name", name, "--query", want[2], "--output", "text")
			if err != nil || got != want[0] {
				return fmt.Errorf("%s of %s is %s, not %s, %w", want[2], name, got, want[0], err)
			}
		}
		got, err := r.aws(ctx, "dynamodb", "describe-time-to-live", "--table-name", name, "--output", "text",
			"--query", "TimeToLiveDescription.AttributeName")
		if err != nil {
			return err
		}
		expiry += got + " "
	}
	if !strings.Contains(expiry, "ttl") {
		return errors.New("no restored table lets items expire: " + expiry)
	}
	return nil
}
