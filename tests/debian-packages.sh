#!/bin/sh
# Installs those of the named Debian packages that are missing, when this user may.
# Where it may not, it says what to run; whoever needs the package then says so itself.
set -eu
command -v dpkg-query >/dev/null 2>&1 || exit 0

missing=
for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "Not installed:$missing. To install: sudo apt-get install$missing" >&2
    exit 0
fi
echo "Installing$missing" >&2
# Installed servers must not start by themselves: the tests start their own.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
