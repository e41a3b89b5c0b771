#!/bin/sh
# The browser tests need Chromium. Debian's is installed where this may be done; elsewhere one line says what to install.
set -eu
for candidate in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser tests …"
    apt-get update -qq
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; then exit 0; fi
fi
echo "The browser tests need Chromium: install your system's package 'chromium', or set CHROMIUM to its path." >&2
exit 1
