# pgkeel: `make demo` and `make check` are all that a fresh machine needs; `make help` lists the rest.

PREFIX ?= /usr/local
DESTDIR ?=
MESON ?= meson
BUILD ?= build

.DEFAULT_GOAL := build
.PHONY: build demo check bench install clean format help

build: ## build the release binary, build/pgkeel
	@test -f $(BUILD)/build.ninja || tools/bootstrap
	@test -f $(BUILD)/build.ninja || $(MESON) setup $(BUILD) --buildtype=release --prefix=$(PREFIX)
	@ninja -C $(BUILD)

demo: ## install what is needed, build, then live through losing a database and getting it back
	@tools/bootstrap
	@$(MAKE) --no-print-directory --silent build > $(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log
	@tools/demo

check: ## run every test and check; the last line is "N passed, N failed"
	@tools/run-tests

bench: ## measure against pg_dump and its relatives, on data made for it
	@tools/bootstrap --bench
	@$(MAKE) --no-print-directory build
	@bench/run
	@bench/migrate
	@bench/integrity
	@bench/seed
	@bench/guard

# The prefix may differ from the one it was built with: `make build && sudo make install PREFIX=/usr`.
install: ## install binary, manual page and completions (DESTDIR and PREFIX are honoured)
	@test -f $(BUILD)/build.ninja || $(MAKE) --no-print-directory build
	@$(MESON) configure $(BUILD) --prefix=$(PREFIX)
	@ninja -C $(BUILD)
	@DESTDIR=$(DESTDIR) $(MESON) install -C $(BUILD) --no-rebuild

format: ## lay out the C code as .clang-format says
	@tools/check-style --fix

clean: ## remove everything that was built
	@rm -rf build build-asan build-clang

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
