# SPDX-License-Identifier: Apache-2.0
#
# The front door. The work is done by meson and by the scripts in tools/, which run alone just as well.

.PHONY: help deps build demo check test fuzz bench clean
.DEFAULT_GOAL := help
.NOTPARALLEL:

help:
	@echo 'make deps    install the Debian packages (as root; otherwise says which)'
	@echo 'make build   build/src/steellb'
	@echo 'make demo    see it work in network namespaces (root)'
	@echo 'make check   what needs no root and no minute: unit tests, plan cases, command line, style'
	@echo 'make test    everything: both compilers, sanitizers, network namespaces (root), fuzzing'
	@echo 'make fuzz    each fuzz target for FUZZ_SECONDS (20)'
	@echo 'make bench   measure'
	@echo 'make clean   remove all build folders'
	@echo 'NO_BUILD=1 uses what is built.'

deps:
	@tools/deps

build:
ifndef NO_BUILD
	@tools/build release
endif

demo:
	@tools/deps build demo
	@$(MAKE) --no-print-directory build
	@demo/run

check: build
	@tools/run-tests check

test: deps build
	@tools/run-tests test

fuzz:
ifndef NO_BUILD
	@tools/build fuzz
endif
	@tools/fuzz

bench: build
	@bench/run

clean:
	@rm -rf build build-*
