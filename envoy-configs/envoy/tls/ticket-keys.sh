#!/bin/sh
# Makes a new key for session tickets and forgets the oldest:
#
#   ticket-keys.sh FOLDER
#
# writes FOLDER/ticket-keys.yaml, at once. The first key encrypts; the one before still decrypts, so that nobody's session ends
# with a change. Run it every 30 minutes on one machine and copy the file to all gateways (as another name, then rename it):
# a session is then resumed on any of them, and for an hour at most. That is the only limit there is for TLS 1.3: Envoy's
# `session_timeout` holds for TLS 1.2 alone, and its tickets of TLS 1.3 are good for two days.
set -eu
umask 077

[ $# -eq 1 ] || { echo "usage: ticket-keys.sh FOLDER" >&2; exit 2; }
folder=$1 kept=$1/ticket-keys.yaml
# 80 bytes: a name, an HMAC key and an AES key (RFC 5077 section 4).
new=$(head -c 80 /dev/urandom | base64 | tr -d '\n')
old=$(sed -n 's/^    - { inline_bytes: \([^ ]*\) }$/\1/p' "$kept" 2>/dev/null | head -n 1)

part=$(mktemp "$folder/.ticket-keys.XXXXXX")
trap 'rm -f "$part"' EXIT
cat >"$part" <<YAML
resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: ticket-keys
  session_ticket_keys:
    keys:
YAML
for key in $new $old; do
    echo "    - { inline_bytes: $key }" >>"$part"
done
mv "$part" "$kept"
