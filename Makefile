# On a fresh machine, run `make demo` or `make test`; `make help` lists all targets.
# .ci/setup fetches the build dependencies into .deps/.

SHELL := /bin/sh
cargo := cargo
# The user may have moved the build folder.
target = $(or $(CARGO_TARGET_DIR),target)
pcamflow = $(target)/release/pcamflow

.PHONY: help setup build engine demo test s3 python-test wheel bench lint fmt clippy doc
.DEFAULT_GOAL := help

help: ## Show this list.
	@echo 'pcamflow: pipelines that train and explain a patch classifier.'
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s%s\n", $$1, $$2 }'
	@echo
	@echo 'CUDA=1 takes libtorch for NVIDIA GPUs, CPU=1 the one without (chosen by the machine otherwise).'
	@echo 'LIBTORCH=... or LIBTORCH_USE_PYTORCH=1 takes one of your own: then nothing is fetched.'

demo: build ## Set up, build, and run pipelines/quickstart.toml on synthetic patches.
	$(pcamflow) run pipelines/quickstart.toml

test: setup ## Set up, and run every test.
	$(cargo) test --release
	@$(MAKE) --no-print-directory python-test

s3: ## Build the S3 server that the tests of remote stores start, in .deps/s3s/ (once).
	@[ -x .deps/s3s/bin/s3s-fs ] || $(cargo) install s3s-fs --version 0.14.1 --locked --features binary --root .deps/s3s

python-test: build ## Build the wheel of the Python package, and test it.
	@sh .ci/python test

wheel: build ## Build the wheel of the Python package, with both binaries, in target/wheels/.
	@sh .ci/python wheel

build: setup ## Set up, and build both binaries.
	$(cargo) build --release
	@echo "built: $(pcamflow) and $(pcamflow)-worker"

setup: ## Fetch what the build needs into .deps/ (once).
	@sh .ci/setup

engine: ## Build only the engine, without libtorch, for plans and cached results.
	@sh .ci/setup engine
	$(cargo) build --release --no-default-features
	@echo "built: $(pcamflow)"

bench: ## Benchmark the engine, then training and explaining beside PyTorch and Captum.
	@sh .ci/setup engine
	$(cargo) bench --no-default-features
	@sh .ci/setup
	@sh .ci/python bench
	$(cargo) bench --bench throughput

lint: fmt clippy doc ## Check format, lints (with and without libtorch) and documentation; warnings are errors.

fmt:
	$(cargo) fmt --check

clippy: setup
	$(cargo) clippy --release --all-targets -- -D warnings
	$(cargo) clippy --release --all-targets --no-default-features -- -D warnings

doc: setup
	RUSTDOCFLAGS='-D warnings' $(cargo) doc --release --no-deps
