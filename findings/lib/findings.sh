# SPDX-License-Identifier: MIT
# Sourced by the findings: a temporary folder, packages, and the verdict.
set -eu
lib=$(cd "$(dirname "$0")/lib" && pwd)
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "$folder"' EXIT

# debian PACKAGE…: installs what is not there, and says which versions.
debian() {
  dpkg-query -W "$@" >/dev/null 2>&1 || {
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
      --no-install-recommends install "$@" >/dev/null 2>&1
  }
  dpkg-query -W "$@" >&2
}

# npm_packages NAME@VERSION…: into the temporary folder.
npm_packages() {
  debian nodejs npm
  (cd "$folder" && npm install --no-audit --no-fund --ignore-scripts "$@") \
    >/dev/null 2>&1
}

# websocket_server STEP…: answers one client as lib/server.py says; its
# address is in $url, what the client has sent will be in $folder/frames.
websocket_server() {
  debian python3
  /usr/bin/python3 "$lib/server.py" "$folder/port" "$@" >"$folder/frames" &
  server=$!
  while [ ! -s "$folder/port" ]; do sleep 0.1; done
  url=ws://127.0.0.1:$(cat "$folder/port")/
  rm "$folder/port"
}

# expect NAME TEXT: standard input must be exactly this.
expect() {
  seen=$(cat)
  printf '%s:\n%s\n' "$1" "$seen" | sed '2,$s/^/  /'
  [ "$seen" = "$2" ] || {
    printf 'CHANGED. It was:\n%s\n' "$2"
    exit 1
  }
}

# frames TEXT: what the client of the last server must have sent.
frames() {
  wait "$server" || :
  server=
  expect 'sent by the client' "$1" <"$folder/frames"
}
