# Everything this project does, from a clean clone. `make` alone prints the list below.
#
# Programs that are run but not built live in .tools/ (host-tests/tools/tools.sh); ENVOY=/path uses another Envoy.

SHELL := bash
CARGO ?= cargo
TOOLS := host-tests/tools
# The crates that only exist as WebAssembly: natively they are empty, so they are linted for their own target.
WASM_CRATES := filter-guest bench-guest schema-bench-guest probe-module caller-module verifier-module \
	$(patsubst plugins/%/module/,%-module,$(wildcard plugins/*/module/))
# The lock file is part of the source; `make LOCKED= …` lets cargo change it.
LOCKED ?= --locked
# The traffic that make demo sends.
DEMO ?= $(addprefix host-tests/suite/cases/,demo.yaml demo-whole.yaml demo-jwt.yaml demo-schema.yaml demo-limits.yaml \
	demo-login.yaml)
# What make suites is held against: published lists and suites, no part of this repository.
SUITES ?= ../shared/data
# For make bench.
ROUNDS ?= 5
SECONDS ?= 4

.DEFAULT_GOAL := help
.PHONY: help demo suites test test-browser check lint deny bench bench-schema soak fuzz dist guests reproducible tools clean

help: ## this list
	@echo "Portcullis: proxy-wasm filters for Envoy"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: run-tools dist ## sends a few requests through a real Envoy with the filter and shows what came of them (MODE=full STAY=1)
ifeq ($(MODE),full) # two whole gateways over TLS, and everything around them; with STAY=1 they stay up
	@$(TOOLS)/tools.sh redis webdis openssl
	$(CARGO) build $(LOCKED) --package edge
	$(CARGO) run $(LOCKED) --quiet --package edge -- $(if $(STAY),--stay)
else
	$(CARGO) build $(LOCKED) --package replay --bin portcullis
	@# What login-guard tells users apart by, for this run alone.
	@export PORTCULLIS_KEY_SECRET=$$(od -An -N16 -tx1 /dev/urandom | tr -d ' '); set -x; \
		$(CARGO) run $(LOCKED) --quiet --package replay --bin portcullis -- test $(DEMO) --executor envoy
endif

suites: run-tools dist ## the public suites, from SUITES=../shared/data
	SUITES="$(abspath $(SUITES))" $(CARGO) test $(LOCKED) --workspace --test public

test: test-tools dist guests ## every test, on every executor; a missing module, Envoy, Redis, Webdis, nginx, ajv, openssl, curl or jq is a failure
	@mkdir -p target
	set -o pipefail; $(CARGO) test $(LOCKED) --workspace | tee target/test.log
	set -o pipefail; $(CARGO) test $(LOCKED) --manifest-path host-tests/schema/Cargo.toml --target-dir target/schema | \
		tee --append target/test.log
	@awk '/^test result: /{ passed += $$4; failed += $$6 } END { print passed " passed, " failed " failed" }' target/test.log

test-browser: run-tools dist ## CORS end to end, in a headless Chromium: pages of some origins call the API of another
	@$(TOOLS)/tools.sh chromium
	$(CARGO) test $(LOCKED) --workspace --test browser

check: lint test ## what CI runs: format, lints for both targets, documentation, then every test

lint: build-tools
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- --deny warnings
	$(CARGO) clippy $(LOCKED) --workspace --test browser --test public -- --deny warnings
	$(CARGO) clippy $(LOCKED) --target wasm32-wasip1 $(addprefix --package ,$(WASM_CRATES)) -- --deny warnings
	$(CARGO) clippy $(LOCKED) --target wasm32-wasip1 --package guests --lib --examples -- --deny warnings
	$(CARGO) fmt --manifest-path host-tests/schema/Cargo.toml --check
	$(CARGO) clippy $(LOCKED) --manifest-path host-tests/schema/Cargo.toml --target-dir target/schema --all-targets -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' $(CARGO) doc $(LOCKED) --workspace --no-deps

deny: ## licences, sources and bans of every dependency (deny.toml); needs no network once cargo-deny is there
	@$(TOOLS)/tools.sh deny
	PATH="$(CURDIR)/.tools/cargo-deny/bin:$$PATH" $(CARGO) deny check bans licenses sources

bench: run-tools dist ## what a request costs in Envoy: no filter, no-op, ours, the native filters (ROUNDS=5 SECONDS=4 BENCH=--tokens, --limits, --logins, --edge)
	@$(TOOLS)/tools.sh wrk redis webdis
	$(CARGO) build $(LOCKED) --package bench
	$(CARGO) run $(LOCKED) --quiet --package bench -- --rounds $(ROUNDS) --seconds $(SECONDS) $(BENCH) \
		--revision "$$($(TOOLS)/dist.sh --revision)"

bench-schema: ## what schema-guard takes to read and check a document in wasm, beside ajv in Node
	@$(TOOLS)/tools.sh target ajv
	$(CARGO) build $(LOCKED) --profile dist --target wasm32-wasip1 --package schema-bench-guest
	$(CARGO) build $(LOCKED) --package schema-bench
	$(CARGO) run $(LOCKED) --quiet --package schema-bench -- \
		--guest "$${CARGO_TARGET_DIR:-target}/wasm32-wasip1/dist/schema_bench_guest.wasm"

soak: dist ## a million requests through the host: requests a second, and memory that must stay flat (REQUESTS=1000000)
	$(CARGO) build $(LOCKED) --release --package replay --bin portcullis
	@$(TOOLS)/soak.sh

fuzz: ## hostile input for the readers and the host, 60 s each target (SECONDS_EACH=60)
	@$(TOOLS)/fuzz.sh

dist: build-tools ## the modules that ship, optimised, in dist/ with their SHA256SUMS
	@$(TOOLS)/dist.sh

guests: ## the test guests, in dist/guests/
	@$(TOOLS)/tools.sh target assemblyscript
	@$(TOOLS)/dist.sh --guests

reproducible: dist ## builds a copy of the tree elsewhere and compares the sums
	@$(TOOLS)/reproducible.sh

tools: ## fills .tools/: Envoy, Redis, Webdis, nginx, OpenSSL, curl, jq, wasm-opt, the WebAssembly target, AssemblyScript, ajv, wrk
	@$(TOOLS)/tools.sh

clean: ## removes what was built; .tools/ stays
	rm -rf target dist

# What building and running need, checked before use; wrk is left to `make bench`.
.PHONY: build-tools run-tools test-tools
build-tools:
	@$(TOOLS)/tools.sh wasm-opt target
run-tools:
	@$(TOOLS)/tools.sh envoy
test-tools:
	@$(TOOLS)/tools.sh envoy redis webdis ajv nginx openssl curl jq
