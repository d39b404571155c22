# Everything a person or a machine does with a clone. `make` alone lists the targets.
#
# One profile (release) and one set of features for all of it: RocksDB and librdkafka are C++ and C
# that take a quarter of an hour on two cores, and clippy, tests, benches and the binary share them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
CARGO ?= cargo

# The pinned compiler under another rustup name is good enough: no second download (.ci/toolchain).
ifndef RUSTUP_TOOLCHAIN
same_version := $(shell .ci/toolchain)
ifneq ($(same_version),)
export RUSTUP_TOOLCHAIN := $(same_version)
endif
endif

# Where ccache is installed, a second clone takes C and C++ from the user's cache. Nothing depends on it.
# A CC of your own wins. cargo builds RocksDB again when CC changes, so stay with one in a clone.
ifeq ($(origin CC)$(shell command -v ccache >/dev/null && echo -and-ccache),default-and-ccache)
export CC := ccache gcc
export CXX := ccache g++
export CCACHE_NOHASHDIR := 1
export CCACHE_BASEDIR := /
export CCACHE_SLOPPINESS := time_macros
endif

## setup: install the system packages that a build and the tests need (only what is missing)
.PHONY: setup
setup:
	@.ci/setup test

.PHONY: setup-build
setup-build:
	@.ci/setup build

## build: the binary, in target/release/tidegate
.PHONY: build
build: setup-build
	$(CARGO) build --release --locked --bin tidegate

## demo: a generated organization through the whole pipeline, on a broker inside the process
.PHONY: demo
demo: build
	$(CARGO) run --release --locked --quiet --bin tidegate -- demo $(ARGS)

## demo-kafka: the same on a real Apache Kafka, fetched and started for it
.PHONY: demo-kafka
demo-kafka: setup build
	deploy/kafka/with-kafka $(CARGO) run --release --locked --quiet --bin tidegate -- demo $(ARGS) --brokers

## test: everything: format, lints, all tests with those on real Kafka, the judges of other tools
.PHONY: test
test: setup
	tests/run.sh

## check: format and lints
.PHONY: check
check: setup-build
	$(CARGO) fmt --check
	$(CARGO) clippy --release --locked --all-targets -- -D warnings

## bench: the questions in benches/, with their answers on this machine, in about ten minutes
.PHONY: bench
bench: setup
	$(CARGO) bench --locked $(or $(ARGS),--bench '*')

## simulate: SEEDS=20000 interleavings of the protocol against a model of everything else, about four minutes
.PHONY: simulate
simulate: setup-build
	TIDEGATE_SIMULATE_SEEDS=$(or $(SEEDS),20000) $(CARGO) test --release --locked --lib simulation -- --nocapture

## generate: write again what is made from the code: schemas, configuration and metric pages
.PHONY: generate
generate: setup-build
	UPDATE_GENERATED=1 $(CARGO) test --release --locked --lib --test all

## help: this list
.PHONY: help
help:
	@sed -n 's/^## \([a-z-]*\): \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
