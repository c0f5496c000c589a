# make run       the whole platform on http://127.0.0.1:8080 (PORT=, EMULATOR=ministack|localstack)
# make test      everything that must pass
# make conformance  the exact sequences of the clients that exist, and what held
# make scenarios stories of what goes wrong with agents and credentials, and what status said
# make chaos     a seeded campaign of faults, and what was lost: nothing (SEED=, FAULTS=)
# make incident  the incident this exists for, replayed with real processes
# make bench     what each operation costs, in AWS calls and capacity units
SHELL := /bin/bash
FUNCTIONS := $(notdir $(wildcard functions/*))
EMULATOR ?= ministack
PORT ?= 8080
export PORT EMULATOR SEED FAULTS
.PHONY: run test conformance scenarios chaos incident bench build check-go cdk ministack localstack deploy clean

run: build $(EMULATOR)
	@exec .build/local run

test: build ministack localstack
	@exec .build/local test

conformance: build $(EMULATOR)
	@exec .build/local conformance

scenarios: build $(EMULATOR)
	@exec .build/local scenarios

# A seeded campaign of faults over the built functions: make chaos SEED=7 FAULTS=300
chaos: build $(EMULATOR)
	@exec .build/local chaos

incident: build $(EMULATOR)
	@exec .build/local incident

bench: build localstack
	@exec .build/local bench

check-go:
	@command -v go >/dev/null || { echo "rollcall: Go 1.26 or newer is needed: install it and run make again" >&2; exit 1; }

# The functions as Lambda runs them (static, bootstrap), the two programs that put
# them on the local platform, an agent to try, and the command-line program. Go's own cache makes a second build quick.
build: check-go cdk
	@mkdir -p .build/functions
	@for f in $(FUNCTIONS); do CGO_ENABLED=0 GOOS=linux GOARCH=$${LAMBDA_GOARCH-$$(go env GOARCH)} go build -trimpath -tags lambda.norpc -ldflags='-s -w' -o .build/functions/$$f/bootstrap ./functions/$$f || exit 1; done
	@go build -o .build/infra ./infra
	@go build -o .build/local ./localstack
	@go build -o .build/agent ./examples/agent
	@go build -o .build/rollcall ./cmd/rollcall

cdk ministack localstack:
	@localstack/setup/setup.sh $@

# Deploy to the account of the environment's credentials: arm64, strict policies.
deploy: check-go cdk
	@test -n "$(OPERATOR_SHA256)" || { echo "rollcall: OPERATOR_SHA256 must be the hex SHA-256 of your operator credential: make deploy OPERATOR_SHA256=..." >&2; exit 1; }
	@LAMBDA_GOARCH=arm64 $(MAKE) --no-print-directory build
	@.tools/cdk/node_modules/.bin/cdk deploy -c operatorSha256=$(OPERATOR_SHA256) $(if $(SETTINGS),-c settings='$(SETTINGS)')

clean:
	@rm -rf .build .rollcall
