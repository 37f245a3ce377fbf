#!/bin/sh
# Hands a certificate to the gateway, the first one as every later one:
#
#   certificate.sh FOLDER NAME CHAIN KEY [STAPLE]
#
# writes FOLDER/NAME.yaml, for NAME one of server-ecdsa, server-rsa, gateway (what the gateway shows where it calls: options of
# gateway.yaml) and redis (webdis-tls.yaml). CHAIN is the certificate and then every intermediate one (PEM, not the root), KEY
# its private key (PEM), STAPLE the authority's OCSP response (DER), where it gives any.
#
# All of it is in one file that takes the place of the old one at once. Envoy watches FOLDER, serves new connections with what
# it finds, and keeps the old if the new is not sound; connections that there are stay. With the parts in files
# of their own it would never see a new staple: it looks for changes of certificate and key alone.
set -eu
umask 077

[ $# -ge 4 ] && [ $# -le 5 ] || { echo "usage: certificate.sh FOLDER NAME CHAIN KEY [STAPLE]" >&2; exit 2; }
folder=$1 name=$2
case $name in
    server-ecdsa | server-rsa | gateway | redis) ;;
    *) echo "certificate.sh: no certificate is called $name" >&2; exit 2 ;;
esac
inline() { printf '{ inline_bytes: %s }' "$(base64 <"$1" | tr -d '\n')"; }

# In the same folder, as only then a rename is one step.
part=$(mktemp "$folder/.$name.XXXXXX")
trap 'rm -f "$part"' EXIT
cat >"$part" <<YAML
resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: $name
  tls_certificate:
    certificate_chain: $(inline "$3")
    private_key: $(inline "$4")
YAML
[ $# -lt 5 ] || echo "    ocsp_staple: $(inline "$5")" >>"$part"
mv "$part" "$folder/$name.yaml"
