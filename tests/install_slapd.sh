#!/bin/sh
# The tests of directories need OpenLDAP's server. Debian's is installed where this may be done; elsewhere one line says what to install.
set -eu
PATH="$PATH:/usr/sbin:/usr/local/sbin:/usr/libexec"
if command -v "${SLAPD:-slapd}" >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing slapd for the tests of directories …"
    apt-get update -qq
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slapd >/dev/null; then
        # Only its program is needed: the tests start their own, on the loopback address.
        if command -v service >/dev/null 2>&1; then service slapd stop >/dev/null 2>&1 || true; fi
        exit 0
    fi
fi
echo "The tests of directories need OpenLDAP's server: install your system's package 'slapd', or set SLAPD to its path." >&2
exit 1
