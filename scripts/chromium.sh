#!/bin/sh
# Installs what the tests of the report's page need: a headless Chromium, Debian's and Ubuntu's package.
# Usage: scripts/chromium.sh [--print]        --print: shows the command and stops
# Elsewhere, install Chromium or Chrome by any other way, and name it: DAVSN_CHROMIUM=/path/to/it. Without it, the tests are skipped.
set -eu
package=chromium-headless-shell
apt-cache show "$package" >/dev/null 2>&1 || package=chromium
command="apt-get install --no-install-recommends $package"
[ "$(id -u)" = 0 ] || command="sudo $command"
echo "$command"
[ "${1:-}" = "--print" ] || exec $command
