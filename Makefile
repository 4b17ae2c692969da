# make run   builds nbdtui and runs the main job under the dashboard: a copy of IMAGE, or of one that it makes.
# make test  installs what the tests compare with, where it can, and passes every test.

GO      ?= go
IMAGE   ?=
FUZZ    ?= 10s
ROUNDS  ?= 15
ONLY    ?=
SOAK    ?= 10m
FLOOD   ?= 1m
SEED    ?= 1
SEQUENCES ?= 3000
SOURCES := $(shell find cmd internal -name '*.go' ! -name '*_test.go') go.mod go.sum

.PHONY: run build static test check e2e soak fuzz fuzz-long peers differential bench bench-child counts microbench pictures clean

run: bin/nbdtui
	@scripts/run "$(IMAGE)"

build: bin/nbdtui

bin/nbdtui: $(SOURCES)
	CGO_ENABLED=0 $(GO) build -trimpath -o $@ ./cmd/nbdtui

# For an empty root: nothing of the system is needed, and --tls-psk, which would need it, is left out.
static: bin/nbdtui-static

bin/nbdtui-static: $(SOURCES)
	CGO_ENABLED=0 $(GO) build -trimpath -tags static -o $@ ./cmd/nbdtui

# Everything that must hold before a change lands.
test: peers check fuzz
	SOAK=10s $(GO) test -race -timeout 8m ./...

check:
	@unformatted=$$(gofmt -l cmd internal scripts); [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=freebsd $(GO) vet ./...

peers:
	@scripts/peers

# A fuzz target runs alone, so each gets a run of its own.
fuzz:
	@FUZZ=$(FUZZ) GO=$(GO) scripts/fuzz

fuzz-long:
	@FUZZ=5m GO=$(GO) scripts/fuzz

# The same requests, layers and order, given to nbdkit and to nbdtui; some ten a second.
differential: bin/nbdtui peers
	$(GO) run ./scripts/differential -sequences '$(SEQUENCES)' -seed '$(SEED)'

# Clients that come, write, vanish and come again; ten seconds of it are in make test.
soak:
	SOAK=$(SOAK) $(GO) test -race -timeout 1h -v -run '^TestSoak$$' ./internal/nbd

# Half an hour beside the peers, on a machine that does nothing else; ROUNDS=1 and ONLY='1 MiB' for a look.
# docs/benchmarks.md has the other groups.
bench: bin/nbdtui peers
	$(GO) run ./scripts/bench -rounds '$(ROUNDS)' -only '$(ONLY)'

# Needs no quiet machine. As root it counts with an ordinary user's send buffer too.
counts: bin/nbdtui peers
	$(GO) run ./scripts/bench -count

# benchstat compares two outputs of this.
microbench:
	$(GO) test -run '^$$' -bench . -benchmem -count 6 ./internal/block ./internal/nbd/... ./internal/filters ./internal/ui

# What the dashboard and the command's own terminal cost, four minutes; FLOOD=10m for how long the command prints.
bench-child: peers
	FLOOD=$(FLOOD) $(GO) test ./cmd/nbdtui -run '^$$' -timeout 1h -benchtime 1x \
		-bench 'Processor|PauseToScreen|ChildOutput|CopyBesideOutput|FrozenTerminal|MemoryOfAFlood'

pictures: bin/nbdtui
	@scripts/pictures

clean:
	rm -rf bin
