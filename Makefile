# git-grite: make alone lists what there is to do.

SHELL   := bash
.SHELLFLAGS := -o pipefail -ec
GO      ?= go
TAGS    := urfave_cli_no_docs
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unreleased)
LDFLAGS := -s -w -X github.com/git-grite/git-grite/internal/cli.version=$(VERSION)

# The product is built so, and what the tests start ought to be the same.
export CGO_ENABLED := 0

MANAGERS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/git-grite-managers

# Where the product or what serves the tests has goroutines, the only thing that
# the race detector can judge: everywhere else each stands for a process, and
# shares with others what the test itself guards.
RACE  := ./internal/gittest ./internal/keep ./internal/watch
# Those that take longest come first, so that none is left alone in the end.
PLAIN  = ./cmd/git-grite ./internal/refstore $(filter-out $(addprefix $(shell $(GO) list -m)/,$(RACE:./%=%)),$(shell $(GO) list ./...))
# What needs servers, terminals, races or seconds, and is left to "make test".
LONG  := AnswerLost|Answers|Clones|Contract|Deadline|Fault|GitVerifies|Histories|Hostile|KeeperKeeps|Large|LookInParts|Many|MoveRefs|NeverWithout|NotAtomic|Policies|Processes|Proxy|PushURL|Race|Receive|Screen|Server|Soak|Symref|Terminal|TestPush$$|Trace|Transport|Unreachable|VerifiesWhat|WhatTheClient|Wrap
# The name and the end of each test, what is skipped, and all that one has to say.
SHOWN := grep --line-buffered -vE '^(=== |[[:space:]]+--- PASS)'

.PHONY: help build install demo check test test-managers race soak fuzz bench docs lint cover clean needs managers

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

build: ## build bin/git-grite and bin/git-grite-mcp
	$(GO) build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o bin/ ./cmd/git-grite ./cmd/git-grite-mcp

install: ## install to ~/.local (or PREFIX=DIR)
	./install.sh $(if $(PREFIX),--prefix '$(PREFIX)')

demo: build ## two actors on a scratch repository: grant, refusal, blocked commit, takeover
	@PATH="$(CURDIR)/bin:$$PATH" sh docs/demo.sh

check: ## before each commit, in a minute: build, vet, unit and property tests, a smoke script
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "not gofmt-ed"; exit 1; }
	$(GO) vet -tags $(TAGS) ./...
	$(GO) test -short -tags $(TAGS) -skip '$(LONG)' ./internal/...
	$(GO) test -tags $(TAGS) -run 'TestScripts$$/^lock_' ./cmd/git-grite
	@$(MAKE) --no-print-directory demo >/dev/null

test: ## everything that has to pass: lint and all tests
	@sh .ci/needs missing || $(MAKE) needs
	@sh .ci/managers missing "$(MANAGERS)" || $(MAKE) managers
	@$(MAKE) lint
	@# lint has vetted them. Those with -race wait more than they compute, so they run beside the others.
	{ CGO_ENABLED=1 $(GO) test -vet=off -count=1 -v -race -timeout 20m -tags $(TAGS) $(RACE) | $(SHOWN); } & raced=$$!; ended=0; \
	GRITE_MANAGERS="$(MANAGERS)" $(GO) test -vet=off -count=1 -v -timeout 20m -tags '$(TAGS) managers' $(PLAIN) | $(SHOWN) || ended=1; \
	wait $$raced || ended=1; exit $$ended

test-managers: managers ## our hooks beside lefthook, pre-commit, git-lfs and husky, and MCP's own client, the real ones
	GRITE_MANAGERS="$(MANAGERS)" $(GO) test -timeout 20m -tags '$(TAGS) managers' -run 'Managers|SDK' ./cmd/git-grite ./cmd/git-grite-mcp

race: ## the tests that race many processes, at full length
	GRITE_TEST_FULL=1 CGO_ENABLED=1 $(GO) test -race -timeout 60m -tags $(TAGS) -run 'Race|Histories|Killed' ./internal/...
	GRITE_TEST_FULL=1 $(GO) test -timeout 60m -tags $(TAGS) -run 'Race|Histories|Killed' ./cmd/...

soak: ## random commands of many clones, with every fault, for SOAK (10m)
	GRITE_SOAK=$(or $(SOAK),10m) $(GO) test -count=1 -timeout 0 -parallel 12 -tags $(TAGS) -v -run '^TestSoak' ./cmd/git-grite | $(SHOWN)

fuzz: ## each fuzz target for FUZZTIME (30s)
	@for target in $$(grep -rhoE 'func Fuzz[A-Za-z]+' --include='*_test.go' internal | cut -d' ' -f2 | sort -u); do \
		dir=$$(dirname $$(grep -rlE "func $$target\(" --include='*_test.go' internal)); \
		echo "$$target in $$dir"; \
		$(GO) test -tags $(TAGS) -run xxx -fuzz "^$$target\$$" -fuzztime $${FUZZTIME:-30s} ./$$dir || exit 1; \
	done

bench: ## ratios, in one table; ROWS=REGEXP selects rows, OLD=PATH compares with another git-grite
	$(GO) run -tags $(TAGS) ./bench $(if $(OLD),-old '$(OLD)') $(if $(ROWS),'$(ROWS)')

docs: ## write the man pages, from the table of commands that -h is printed from
	$(GO) run -tags $(TAGS) ./internal/manual/make docs/man

lint: export GOGC := 400
lint: ## gofmt, vet (also for Windows and macOS), staticcheck, shellcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "not gofmt-ed"; exit 1; }
	$(GO) vet -tags '$(TAGS) managers' ./...
	$(GO) build -o bin/vet ./internal/vet
	GOOS=windows GOFLAGS="$$GOFLAGS -tags=$(TAGS)" bin/vet ./...
	GOOS=darwin GOFLAGS="$$GOFLAGS -tags=$(TAGS)" bin/vet ./...
	$(GO) tool staticcheck -tags $(TAGS) ./...
	shellcheck install.sh internal/completions/git-grite.bash hooks/pre-commit hooks/pre-push hooks/pre-receive docs/demo.sh .ci/needs .ci/managers

cover: ## coverage of the tests, as a table
	$(GO) test -tags $(TAGS) -coverpkg=./internal/... -coverprofile=/tmp/git-grite.cover ./... && $(GO) tool cover -func=/tmp/git-grite.cover | tail -1

clean: ## remove what was built
	rm -rf bin

needs: ## get the programs that the tests need, with apt-get
	@sh .ci/needs

managers: ## get the managers of hooks that the tests run beside, with go, npm and apt-get
	@sh .ci/managers "$(MANAGERS)"
