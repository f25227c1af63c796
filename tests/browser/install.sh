#!/usr/bin/env bash
# Installs what the browser tests need: Chromium and Node from Debian, playwright-core from npm.
# What cannot be installed is said in a line, and those tests skip.
set -uo pipefail
cd "$(dirname "$0")"

have() { command -v "$1" >/dev/null 2>&1; }
missing() { echo "browser tests will be skipped: $*" >&2; exit 0; }

packages=()
have chromium || have chromium-browser || packages+=(chromium)
have node || packages+=(nodejs)
have npm || packages+=(npm)
if [ ${#packages[@]} -gt 0 ]; then
    have apt-get || missing "${packages[*]} not found, and this is no Debian"
    [ "$(id -u)" = 0 ] || missing "run as root: apt-get install ${packages[*]}"
    echo "Installing ${packages[*]} (log: $PWD/install.log)"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        "${packages[@]}"; } >install.log 2>&1 || missing "apt-get install ${packages[*]}: $(tail -n 1 install.log)"
fi
if ! cmp -s package-lock.json node_modules/.installed; then
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --silent --no-audit --no-fund >install.log 2>&1 ||
        missing "npm ci: $(tail -n 1 install.log)"
    cp package-lock.json node_modules/.installed
fi
