# make test is all that a change must pass; .ci/run calls it.

GOFUMPT     = go run mvdan.cc/gofumpt@v0.12.0
STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build test lint cross race unit web fuzz bench bench-peers bench-quality bench-tong

build:
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o bin/laminar ./cmd/laminar

test: lint unit race cross web

lint:
	@files=$$($(GOFUMPT) -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "run gofumpt on:"; echo "$$files"; exit 1; fi
	go vet ./...
	$(STATICCHECK) ./...

unit:
	go test ./...

# The detector makes the numeric loops many times slower: the packages that
# share anything between goroutines are run, the long tests of the rest are not.
race:
	go test -race -short $$(./scripts/race-packages)

# Every platform builds; foreign tests run where an emulator is at hand.
cross:
	./scripts/cross

# The page of the playground: types, its tests, and that the embedded files are
# those that its source builds; scripts/web -write builds them.
web:
	./scripts/web

fuzz:
	./scripts/fuzz

bench:
	go test -run '^$$' -bench . -benchtime 0.5s ./internal/... ./graph ./solve ./coupling

bench-peers:
	./bench/peers/install.sh
	go run ./bench/peers -write docs/benchmarks.md

bench-quality:
	go run ./bench/quality

# Forty minutes on two quiet cores; finished cells are kept in runs/tong.json, so
# that another call goes on. CELLS='OT-CFM/N-moons' SEEDS=42 select.
SEEDS ?= 42,43,44,45,46
bench-tong:
	go run ./bench/tong -cells '$(CELLS)' -seeds '$(SEEDS)'
