#!/bin/sh
# Runs every check to its end, so that one run shows all problems.
# Usage: scripts/checks.sh [--slow]        --slow: also run the tests that are marked slow
set -u
cd "$(dirname "$0")/.."
bin=.venv/bin
failed=""

check() {
    name="$1"
    shift
    echo "== $name"
    "$@" || failed="$failed, $name"
}

marked="not slow"
if [ "${1:-}" = "--slow" ]; then
    marked=""
fi

check "format" "$bin/ruff" format --check .
check "lint" "$bin/ruff" check .
# mypy takes a minute of one core, so it runs beside the tests; its report comes after theirs.
typed=$(mktemp)
"$bin/mypy" >"$typed" 2>&1 &
typing=$!
check "import layers" "$bin/lint-imports"
# Several tests run at a time, and some start commands of their own: with one thread each they do not get in each other's way.
check "tests" env OMP_NUM_THREADS=1 "$bin/pytest" --numprocesses auto --maxprocesses 4 --dist loadgroup -m "$marked"
check "types" wait "$typing"
cat "$typed"
rm -f "$typed"

if [ -n "$failed" ]; then
    echo "FAILED: ${failed#, }" >&2
    exit 1
fi
