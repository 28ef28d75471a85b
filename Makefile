# git-grite: make alone lists what there is to do.

SHELL   := /bin/sh
GO      ?= go
TAGS    := urfave_cli_no_docs
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unreleased)
LDFLAGS := -s -w -X github.com/git-grite/git-grite/internal/cli.version=$(VERSION)

MANAGERS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/git-grite-managers

.PHONY: help build install demo test test-managers race soak fuzz bench lint cover clean needs managers

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

build: ## build bin/git-grite
	CGO_ENABLED=0 $(GO) build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o bin/git-grite ./cmd/git-grite

install: ## install to ~/.local (or PREFIX=DIR)
	./install.sh $(if $(PREFIX),--prefix '$(PREFIX)')

demo: build ## two actors on a scratch repository: grant, refusal, blocked commit, takeover
	@PATH="$(CURDIR)/bin:$$PATH" sh docs/demo.sh

test: needs managers lint ## everything that has to pass: lint, all tests with the race detector
	GRITE_MANAGERS="$(MANAGERS)" $(GO) test -race -timeout 20m -tags '$(TAGS) managers' ./...

test-managers: managers ## our hooks beside lefthook, pre-commit, git-lfs and husky, the real ones
	GRITE_MANAGERS="$(MANAGERS)" $(GO) test -race -timeout 20m -tags '$(TAGS) managers' -run Managers ./cmd/git-grite

managers:
	@sh .ci/managers "$(MANAGERS)"

race: ## the tests that race many processes, at full length
	GRITE_TEST_FULL=1 $(GO) test -race -timeout 60m -tags $(TAGS) -run 'Race|Histories|Killed' ./...

soak: ## random commands of many clones on a bad line, for SOAK (10m)
	GRITE_SOAK=$(or $(SOAK),10m) $(GO) test -race -timeout 0 -tags $(TAGS) -v -run 'Soak' ./internal/refstore

fuzz: ## each fuzz target for FUZZTIME (30s)
	@for target in $$(grep -rhoE 'func Fuzz[A-Za-z]+' --include='*_test.go' internal | cut -d' ' -f2 | sort -u); do \
		dir=$$(dirname $$(grep -rlE "func $$target\(" --include='*_test.go' internal)); \
		echo "$$target in $$dir"; \
		$(GO) test -tags $(TAGS) -run xxx -fuzz "^$$target\$$" -fuzztime $${FUZZTIME:-30s} ./$$dir || exit 1; \
	done

bench: ## one table of ratios; see bench/
	$(GO) run -tags $(TAGS) ./bench

lint: ## gofmt, vet (also for Windows and macOS), staticcheck, shellcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "not gofmt-ed"; exit 1; }
	$(GO) vet -tags '$(TAGS) managers' ./...
	GOOS=windows $(GO) vet -tags $(TAGS) ./...
	GOOS=darwin $(GO) vet -tags $(TAGS) ./...
	$(GO) tool staticcheck -tags $(TAGS) ./...
	shellcheck install.sh hooks/pre-commit hooks/pre-push docs/demo.sh .ci/needs .ci/managers

cover: ## coverage of the tests, as a table
	$(GO) test -tags $(TAGS) -coverpkg=./internal/... -coverprofile=/tmp/git-grite.cover ./... && $(GO) tool cover -func=/tmp/git-grite.cover | tail -1

clean: ## remove what was built
	rm -rf bin

needs:
	@sh .ci/needs
