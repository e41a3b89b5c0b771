#!/bin/sh
# One test reads a published log with the Go module that the format comes from. Debian's packages are installed where this may be done;
# elsewhere that test is left out, and says so: other verifiers that nobody here wrote read the same log.
set -eu
if command -v go >/dev/null 2>&1 && [ -d /usr/share/gocode/src/golang.org/x/mod ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Go and its module x/mod for one test of the log …"
    export DEBIAN_FRONTEND=noninteractive
    if apt-get update -qq && apt-get install -y -qq --no-install-recommends golang-go golang-golang-x-mod-dev >/dev/null; then exit 0; fi
fi
echo "Without Go and Debian's golang-golang-x-mod-dev one test of the log is left out." >&2
