SHELL := /bin/bash
FUNCTIONS := $(notdir $(wildcard functions/*))
# Neither net/rpc, which Lambda no longer uses, nor HTTP/2, which DynamoDB and SQS do not speak: 0.6 MB of each function.
LAMBDA_TAGS := lambda.norpc,nethttpomithttp2
EMULATOR ?= ministack
PORT ?= 8080
export FLEET BURST PLOTS BENCH_FOR
export PORT EMULATOR SEED FAULTS STORY RUN CORS_ORIGINS STRICT SETTINGS TESTS PROBES_FOR FUZZTIME
# The CDK's libraries want Node 22 or 24 and say so at each start; they work with 20 too.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
VERSION = $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LINT = .tools/bin/golangci-lint

.DEFAULT_GOAL := help
.PHONY: help check fmt fmt-check vet lint unit fuzz vulncheck sbom test run conformance scenarios chaos incident e2e stages \
	bench bench-burst bench-sweep bench-throughput simulate \
	alarms rehearse prove build build-functions programs check-go console console-check \
	console-tools pictures cdk cdk-assets ministack localstack linters browser \
	schemathesis bootstrap operator-digest deploy diff destroy pipeline clean

help: ## list these verbs
	@awk -F ':.*## ' '/^##@ /{print "\n" substr($$0, 5)} /^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

##@ While you work

check: linters ministack fmt-check vet lint console-check unit ## format, vet, lint, and every test that needs no deployed platform

fmt: linters ## format the Go files (gofumpt, imports in groups)
	@$(LINT) fmt

fmt-check: linters
	@$(LINT) fmt --diff || { echo "rollcall: the files above are not formatted: run make fmt" >&2; exit 1; }

vet: check-go
	@go vet ./...

lint: linters ## golangci-lint over the Go files, actionlint over the workflows
	@$(LINT) run
	@.tools/bin/actionlint .github/workflows/*.yml

# Go's test cache knows the Go files of a package and what its tests read themselves. These
# tests also depend on what a command prints, or on the emulator, so they always run.
ALWAYS := ./shared ./shared/app ./shared/dynamo/... ./shared/proof/meter ./shared/sqs/...
NO_PLATFORM = $(filter-out %/localstack/proofs/e2e,$(shell go list ./...))

unit: check-go ministack ## the tests alone: what has not changed since it passed is not run again
	@go test -short $(filter-out $(shell go list $(ALWAYS)),$(NO_PLATFORM))
	@go test -count=1 $(ALWAYS)

console: console-tools ## build the console's page from functions/status/console/src into its assets
	@node functions/status/console/build.mjs

console-check: console-tools
	@node functions/status/console/build.mjs --check

fuzz: programs ## what reads strangers' input, on inputs that nobody thought of: FUZZTIME=1000x (or 10m) each
	@exec .build/local fuzz

vulncheck: check-go ## whether a known vulnerability of a dependency is reached (asks the Go vulnerability database)
	@go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./... || { echo "rollcall: govulncheck found what is listed" \
		"above, or could not read the Go vulnerability database: where that can't be reached, the check workflow" \
		"runs it" >&2; exit 1; }

# What is pinned here is pinned for the pipeline too.
sbom: check-go ## a list of the modules that the functions are built of (CycloneDX), in .build/sbom.json
	@mkdir -p .build
	@go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 mod -licenses -json -output .build/sbom.json

##@ Before a change is merged

test: fmt-check vet lint console-check build ministack localstack browser schemathesis ## everything that must pass, end to end too (about twenty minutes)
	@exec .build/local test

##@ The platform on this machine

run: build $(EMULATOR) ## the whole platform on http://127.0.0.1:8080 (PORT=, STRICT=1, SETTINGS=, CORS_ORIGINS=)
	@exec .build/local run

incident: build $(EMULATOR) ## the incident this exists for, replayed with real processes
	@exec .build/local incident

conformance: build $(EMULATOR) ## the exact sequences of the clients that exist, and what held
	@exec .build/local conformance

scenarios: build $(EMULATOR) ## stories of what goes wrong with agents and credentials, and what status said (STORY=)
	@exec .build/local scenarios

chaos: build $(EMULATOR) ## a seeded campaign of faults over the built functions (SEED=7 FAULTS=300), and what was lost
	@exec .build/local chaos

stages: build ministack ## two stages side by side in one account, and what the sweep of one leaves alone
	@exec .build/local stages

alarms: build ministack ## every alarm of the stack, provoked, with the commands of its runbook
	@exec .build/local alarms

rehearse: build cdk-assets ministack ## the deployment pipeline, step by step, from the last commit (needs the AWS CLI)
	@exec .build/local rehearse

e2e: build localstack browser schemathesis console-tools ## the end-to-end tests on LocalStack (RUN=TestAPIOperate)
	@exec .build/local e2e

bench: check-go ministack ## what each operation costs, in AWS calls and capacity units
	@go test ./shared/app -count=1 -v -run '^TestBudget' | grep -v '^[{=]'; exit $${PIPESTATUS[0]}

pictures: build localstack browser console-tools ## the pictures of the console in docs/pictures, taken by its tests
	@RUN='^TestTheConsole$$' ROLLCALL_PICTURES=$(CURDIR)/docs/pictures .build/local e2e

bench-burst: check-go ministack ## fifty senders to one workspace: how many are refused, and what a message costs
	@go test ./shared/app -count=1 -v -run '^TestBudgetOfABurst' | grep -v '^[{=]'; exit $${PIPESTATUS[0]}

bench-sweep: check-go ministack ## what a sweep reads and writes, and how many changes at once it records (FLEET=2000 BURST=100000)
	@FLEET=$${FLEET:-2000} go test ./shared/app -count=1 -v -timeout 60m -run '^TestBudgetOfASweep' | grep -v '^[{=]'; exit $${PIPESTATUS[0]}
	@BURST=$${BURST:-100000} go test ./shared/sweep -count=1 -v -timeout 60m -run '^TestABurst' | grep -v '^[{=]'; \
		exit $${PIPESTATUS[0]}

bench-throughput: build-functions ministack ## Rollcall, NATS JetStream and River on Postgres side by side (BENCH_FOR=2s)
	@cd localstack/throughput && go test -count=1 -v -timeout 30m -run '^TestThroughput' . | \
		grep -v '^[{=]'; exit $${PIPESTATUS[0]}

simulate: check-go ## a fleet in virtual time, and what was seen of it (FLEET=1000000 SEED=1 PLOTS=docs/plots)
	@go run ./localstack/simulate

##@ Build, install, deploy

check-go:
	@command -v go >/dev/null || { echo "rollcall: Go 1.26 or newer is needed: install it and run make again" >&2; \
		exit 1; }

# The functions as Lambda runs them: static, named bootstrap, without a version or VCS stamp, so that a
# deployment changes only the functions whose code changed. Go's cache makes a second build quick.
build-functions: check-go
	@mkdir -p .build/functions
	@for f in $(FUNCTIONS); do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$${LAMBDA_GOARCH-$$(go env GOARCH)} go build -trimpath -buildvcs=false \
			-tags $(LAMBDA_TAGS) -ldflags='-s -w' -o .build/functions/$$f/bootstrap ./functions/$$f || exit 1; \
	done

build: build-functions programs cdk ## the functions, and the programs in .build/ (rollcall, agent, local, infra)
	@go build -o .build/infra ./infra
	@go build -o .build/agent ./examples/agent

programs: check-go
	@go build -o .build/local ./localstack
	@go build -ldflags='-X main.version=$(VERSION)' -o .build/rollcall ./cmd/rollcall

linters: check-go
cdk cdk-assets ministack localstack linters browser schemathesis console-tools:
	@localstack/setup/setup.sh $@

# The context of one stage's stack. $$SETTINGS is read by the shell, so that it may hold any character.
CDK = .tools/cdk/node_modules/.bin/cdk
ONE_STACK = -c operatorSha256=$(OPERATOR_SHA256) $(if $(STAGE),-c stage=$(STAGE)) $${SETTINGS:+-c settings="$$SETTINGS"}

# Not in the checkout: there the CDK would synthesize the stack first, which needs what is made later.
bootstrap: cdk ## prepare an account for the CDK, once (ACCOUNT=, REGION=, and TRUST= the pipeline's account)
	@test -n "$(ACCOUNT)" -a -n "$(REGION)" || { echo "rollcall: ACCOUNT and REGION must say what to prepare:" \
		"make bootstrap ACCOUNT=111111111111 REGION=us-east-1" >&2; exit 1; }
	@mkdir -p .build && cd .build && ../$(CDK) bootstrap aws://$(ACCOUNT)/$(REGION) $(if $(TRUST),--trust $(TRUST) \
		--cloudformation-execution-policies arn:aws:iam::aws:policy/AdministratorAccess)

operator-digest:
	@test -n "$(OPERATOR_SHA256)" || { echo "rollcall: OPERATOR_SHA256 must be the hex SHA-256" \
		"of your root credential: make deploy OPERATOR_SHA256=..." >&2; exit 1; }

deploy: check-go operator-digest cdk ## deploy to the account of the environment's credentials (OPERATOR_SHA256=, STAGE=, SETTINGS=)
	@LAMBDA_GOARCH=arm64 $(MAKE) --no-print-directory build
	@$(CDK) deploy $(ONE_STACK)

diff: check-go operator-digest cdk ## what make deploy would change, read with the CDK's lookup role alone
	@LAMBDA_GOARCH=arm64 $(MAKE) --no-print-directory build
	@$(CDK) diff --method=template $(ONE_STACK)

prove: programs ## try a deployment (ROLLCALL_URL=, ROLLCALL_TOKEN=, TESTS='smoke conformance probes', PROBES_FOR=10m)
	@exec .build/local prove

destroy: check-go cdk ## delete a stage's stack; its tables, logs and chat queues stay (STAGE=)
	@$(MAKE) --no-print-directory build
	@$(CDK) destroy -c operatorSha256=$(shell printf '%064d' 1) $(if $(STAGE),-c stage=$(STAGE))

pipeline: check-go cdk ## deploy the pipeline that pipeline.json describes; afterwards it changes itself
	@LAMBDA_GOARCH=arm64 $(MAKE) --no-print-directory build
	@$(CDK) deploy RollcallPipeline -c pipeline=pipeline.json

clean: ## forget what was built and what a run left (.tools stays)
	@rm -rf .build .rollcall
