# infra: the two commands of the README are `make demo` and `make test`.
# Everything generated goes below .infra/ and bin/.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

INFRA := bin/infra
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
ROWS ?= all
DRILL ?=
BENCH ?= 1
COMMIT ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X infra/internal/cli.version=$(VERSION) -X infra/internal/cli.commit=$(COMMIT)

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

.PHONY: build
build: ## Build bin/infra
	@mkdir -p bin
	@go build -ldflags '$(LDFLAGS)' -o $(INFRA) ./cmd/infra

.PHONY: demo
demo: build ## Start the sandbox, build the whole platform in it, show it
	@$(INFRA) sandbox up
	@$(INFRA) apply sandbox --auto-approve
	@$(INFRA) status sandbox
	@printf '%s\n' '' \
	  'The sandbox is running. Look around:' \
	  '  bin/infra hosts sandbox                      its hosts' \
	  '  bin/infra ssh sandbox postgresql-1           log in to one' \
	  '  bin/infra status sandbox                     ask the servers again' \
	  '  bin/infra plan sandbox                       nothing to change' \
	  'End it, leaving nothing behind:' \
	  '  bin/infra sandbox down'

.PHONY: lint
lint: ## Check the code: golangci-lint, govulncheck, terraform, ansible-lint, checkov, GitLab's schema
	@.ci/lint

.PHONY: fix
fix: ## Mend what the linters can mend by themselves
	@.ci/lint --check fix

.PHONY: unit
unit: ## Run the tests that need no sandbox
	@go test -timeout 80m ./...

.PHONY: tools
tools: build ## Install what the tests need: Terraform, Ansible, the emulator
	@$(INFRA) doctor --install

.PHONY: endtoend
endtoend: tools ## Run the end-to-end tests on a sandbox of their own
	@go test -tags endtoend -count=1 -timeout 80m -run TestPlatform ./cmd/infra

.PHONY: test
test: tools lint unit endtoend ## Everything: linters, unit tests, the whole platform in a sandbox

.PHONY: faults
faults: tools ## Prove row by row that no fault does damage: 50 kills, fuzzing, an hour and more; some: ROWS="11 12"
	@INFRA_FAULTS='$(ROWS)' go test -v -count=1 -timeout 6h -run '^TestFaults$$' ./cmd/infra

.PHONY: drill-postgresql
drill-postgresql: tools ## Break PostgreSQL in a sandbox under a client that writes: every fault, two modes, an hour; some: DRILL="async kill hang"; three times in a row: DRILL=3
	@INFRA_DRILL='$(DRILL)' go test -v -tags endtoend -count=1 -timeout 6h -run '^TestDrillPostgreSQL$$' ./cmd/infra

.PHONY: drill-zookeeper
drill-zookeeper: tools ## Grow, replace and break ZooKeeper in a sandbox under clients whose history is judged, half an hour; some: DRILL="kill-leader 5"; three times in a row: DRILL=3
	@INFRA_DRILL='$(DRILL)' go test -v -tags endtoend -count=1 -timeout 6h -run '^TestDrillZooKeeper$$' ./cmd/infra

.PHONY: verify-postgresql
verify-postgresql: tools ## Restore backups in sandboxes, sound and damaged, replace a node, move a database, RDS: three quarters of an hour
	@go test -v -tags endtoend -count=1 -timeout 6h -run '^(TestDatabase|TestManagedDatabase)$$' ./cmd/infra

.PHONY: audit
audit: tools ## Build the platform in an emulator, audit it as the plan role, plant faults by hand and find them: ten minutes
	@go test -v -tags endtoend -count=1 -timeout 40m -run '^TestAudit$$' ./cmd/infra

.PHONY: replace-emr
replace-emr: tools ## Replace an EMR cluster of the emulator under a client that submits steps, killed once in every step: a quarter of an hour
	@go test -v -tags endtoend -count=1 -timeout 80m -run '^TestReplaceEMR$$' ./cmd/infra

.PHONY: pipelines
pipelines: tools ## Play pull requests, merges and schedules of GitHub and GitLab by the workflows' own commands: forged, stale and removed are refused; a few minutes
	@go test -v -count=1 -timeout 60m -run '^TestPipeline' ./cmd/infra

.PHONY: install-customer
install-customer: tools ## Install two customers into accounts of the emulator and take them away, killed in every phase, one with hosts in a sandbox: half an hour
	@go test -v -tags endtoend -count=1 -timeout 80m -run '^TestInstallCustomer' ./cmd/infra

.PHONY: fleet
fleet: tools ## Roll a change out over 50 environments, some of which fail: on one machine, and by workers of Temporal that are killed; half an hour
	@go test -v -tags endtoend -count=1 -timeout 3h -run '^TestLargeFleet$$' ./cmd/infra

.PHONY: sandbox-clone
sandbox-clone: tools ## Clone production into a sandbox beside another, use it, let it expire: ten minutes
	@go test -v -tags endtoend -count=1 -timeout 80m -run '^TestSandboxClone$$' ./cmd/infra

.PHONY: rebuild
rebuild: tools ## Lose a region of a sandbox under a client that writes, and rebuild the platform in another, rehearsed before: half an hour
	@go test -v -tags endtoend -count=1 -timeout 2h -run '^TestRebuild$$' ./cmd/infra

.PHONY: report-check
report-check: tools ## Open every kind of report in Chromium: light, dark, narrow and printed, by Tab, axe-core, no request; Mermaid's pictures, too; pictures in .infra/reports/check
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome; } > /dev/null || { apt-get update --quiet=2 && apt-get install --yes --quiet=2 --no-install-recommends chromium; }
	@go test -v -tags endtoend -count=1 -timeout 20m -run 'InBrowser$$' ./internal/report

.PHONY: image-bench
image-bench: tools ## Build an image of hosts in a sandbox, pin it, measure new hosts of it beside plain ones, in turn, ROUNDS=3 times: three quarters of an hour
	@INFRA_BENCH_ROUNDS='$(ROUNDS)' go test -v -tags endtoend -count=1 -timeout 3h -run '^TestImage$$' ./cmd/infra

.PHONY: image-check
image-check: tools ## Have Packer, where it is on PATH with its plugins, check its template, make an image in a sandbox, and be stopped meanwhile: a quarter of an hour
	@go test -v -count=1 -run '^TestPackerAcceptsTheTemplate$$' ./internal/packer
	@go test -v -tags endtoend -count=1 -timeout 80m -run '^TestImageByPacker' ./cmd/infra

.PHONY: bench
bench: tools ## Measure infra beside Terraform and Terragrunt: table, picture and data in .infra/reports/bench, half an hour; that alone: BENCH=peers, in ROUNDS=5; guards, lease and ledger: BENCH=trust; a pipeline where nothing is affected: BENCH=ci
	@INFRA_BENCH='$(BENCH)' INFRA_BENCH_ROUNDS='$(ROUNDS)' go test -v -tags endtoend -count=1 -timeout 3h -run TestBench ./cmd/infra

.PHONY: release-check
release-check: ## Make a release without publishing it (archives, checksums, SBOM, man pages, completions, container image) and look whether it is whole
	@.ci/release

.PHONY: image
image: ## Build the container image `infra` around this checkout's program; the second command is in .ci/Dockerfile
	@mkdir -p .infra/image
	@CGO_ENABLED=0 GOOS=linux GOARCH="$$(docker version --format '{{.Server.Arch}}')" go build -trimpath -ldflags '$(LDFLAGS)' -o .infra/image/infra ./cmd/infra
	@.ci/image .infra/image '$(VERSION)' '$(COMMIT)' --tag infra
