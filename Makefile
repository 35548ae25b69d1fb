# Two commands: `make demo` shows the main job, `make test` runs every check. Each sets up what it needs first.
# Without make, run the lines below by hand.

.POSIX:
.PHONY: demo test fast setup clean

demo:
	@sh scripts/setup.sh
	.venv/bin/davsn demo

test:
	@sh scripts/setup.sh dev
	@sh scripts/checks.sh --slow

# The same without the tests that are marked slow.
fast:
	@sh scripts/setup.sh dev
	@sh scripts/checks.sh

setup:
	@sh scripts/setup.sh dev

clean:
	rm -rf .venv .venv-oldest build dist
