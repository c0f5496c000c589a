package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/proofs/rehearsal"
)

// rehearse plays the deployment pipeline on ministack.
func rehearse(ctx context.Context, dirs emulator.Dirs) error {
	if _, err := exec.LookPath("aws"); err != nil {
		return fmt.Errorf("the AWS CLI is needed, as the pipeline's gate uses it: %w", err)
	}
	fmt.Println("the deployment pipeline, from the last commit, on ministack:")
	return rehearsal.Run(ctx, dirs, os.Stdout)
}
