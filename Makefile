# Two commands: `make demo` shows what davsn does, `make test` runs every check. Both first set up what they need.
# Without make, run the lines below by hand.

.POSIX:
.PHONY: demo test fast setup clean

demo:
	@sh scripts/setup.sh
	.venv/bin/davsn demo

test:
	@sh scripts/setup.sh dev
	@sh scripts/checks.sh --slow

# Like `test`, without the tests that are marked slow.
fast:
	@sh scripts/setup.sh dev
	@sh scripts/checks.sh

setup:
	@sh scripts/setup.sh dev

clean:
	rm -rf .venv .venv-oldest build dist
