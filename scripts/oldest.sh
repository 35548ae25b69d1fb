#!/bin/sh
# Runs the fast suite with the oldest versions that pyproject.toml allows, in an environment of its own, .venv-oldest.
# Usage: scripts/oldest.sh [--print | ARGUMENTS OF PYTEST]        --print: shows these versions and stops
# For the slow tests too: scripts/oldest.sh -m "". PYTHON names another interpreter.
set -eu
cd "$(dirname "$0")/.."
python=.venv-oldest/bin/python

# Every line of a dependency starts as '  "name>=version'. Its lower bound is a release that exists, so that pip finds it.
oldest() {
    sed -n 's/^  "\([A-Za-z0-9_-]*\)>=\([0-9.]*\).*/\1==\2/p' pyproject.toml
}

# The oldest releases have no wheels for newer ones.
old_enough() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' >/dev/null 2>&1
}

if [ "${1:-}" = "--print" ]; then
    oldest
    exit 0
fi

if ! old_enough "$python"; then
    found=""
    for candidate in ${PYTHON:-python3.10 python3.11 python3.12 python3}; do
        if old_enough "$candidate"; then
            found="$candidate"
            break
        fi
    done
    if [ -z "$found" ]; then
        echo "The oldest versions need Python 3.10, 3.11 or 3.12. Install one, or name it: PYTHON=/path/to/python" >&2
        exit 2
    fi
    rm -rf .venv-oldest
    "$found" -m venv .venv-oldest
fi

oldest >.venv-oldest/constraints.txt
"$python" -m pip install --quiet --disable-pip-version-check --constraint .venv-oldest/constraints.txt --editable ".[dev]"

# Old releases call functions that the newest releases below them deprecate. `make test` is strict about our own calls.
exec "$python" -m pytest --numprocesses auto --maxprocesses 4 -m "not slow" -W ignore::DeprecationWarning "$@"
