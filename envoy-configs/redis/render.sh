#!/bin/sh
# Fills a folder with what Redis and its gateways are started with, the passwords taken from the environment:
#
#   render.sh FOLDER
#
# Nothing is written before every password is there and is none that could be guessed. Only the owner can read what is
# written, and no password appears among the arguments of a process.
set -eu
umask 077
LC_ALL=C
export LC_ALL

# A password and a user each. The gateways' ports count from 7379 in this order.
GATEWAYS="RATE_LIMIT IDEMPOTENCY REVOCATION"
USERS="GATEWAY_RATE_LIMIT GATEWAY_IDEMPOTENCY GATEWAY_REVOCATION OPERATOR_READ OPERATOR_REVOKE"
# Optional: the gateways then want HTTP basic authentication, user name portcullis.
HTTP=PORTCULLIS_WEBDIS_PASSWORD
LEAST=32
# Webdis compares with base64 that has a line end after 54 bytes, so a longer `portcullis:<password>` never fits.
MOST_HTTP=42

refused=0
refuse() {
    printf 'render.sh: %s\n' "$*" >&2
    refused=1
}

# value NAME: the value of an environment variable.
value() { eval "printf %s \"\${$1-}\""; }

# check NAME: whether it holds a password. Other characters would need quoting in three syntaxes.
seen=
check() {
    password=$(value "$1")
    if [ -z "$password" ]; then
        refuse "$1 is not set, or empty"
        return
    fi
    case $password in
    *[!A-Za-z0-9_-]*) refuse "$1: only letters, digits, - and _ are allowed" ;;
    esac
    [ ${#password} -ge $LEAST ] || refuse "$1 is shorter than $LEAST characters; openssl rand -hex 20 makes one"
    [ "$(printf %s "$password" | fold -w 1 | sort -u | wc -l)" -ge 10 ] ||
        refuse "$1 has fewer than 10 different characters"
    case $seen in
    *" $password "*) refuse "$1 is the same as another password" ;;
    esac
    seen="$seen $password "
}

# fill TEMPLATE FILE: every @NAME@ replaced by the environment variable of this name, lines that begin with # left out.
fill() {
    awk '
        /^#/ { next }
        {
            while (match($0, /@[A-Z0-9_]+@/)) {
                name = substr($0, RSTART + 1, RLENGTH - 2)
                if (!(name in ENVIRON)) { print "render.sh: no " name > "/dev/stderr"; exit 1 }
                $0 = substr($0, 1, RSTART - 1) ENVIRON[name] substr($0, RSTART + RLENGTH)
            }
            print
        }' "$1" >"$2.part"
    mv -f "$2.part" "$2"
}

[ $# -eq 1 ] && [ -n "$1" ] || { echo "usage: render.sh FOLDER" >&2; exit 2; }
here=$(dirname "$0")
for user in $USERS; do check "PORTCULLIS_${user}_PASSWORD"; done
if eval "[ \"\${$HTTP+set}\" ]"; then
    check $HTTP
    http=$(value $HTTP)
    [ ${#http} -le $MOST_HTTP ] || refuse "$HTTP is longer than $MOST_HTTP characters"
fi
[ $refused = 0 ] || exit 1

mkdir -p "$1"
chmod 700 "$1"

for user in $USERS; do
    sum=$(value "PORTCULLIS_${user}_PASSWORD" | sha256sum)
    export "${user}_SHA256=${sum%% *}"
done
fill "$here/users.acl.in" "$1/users.acl"
cp "$here/redis.conf" "$1/redis.conf.part"
mv -f "$1/redis.conf.part" "$1/redis.conf"

HTTP_BASIC_AUTH=${http:+"\"http_basic_auth\": \"portcullis:$http\", "}
PORT=7379
export HTTP_BASIC_AUTH PORT
for gateway in $GATEWAYS; do
    name=$(printf %s "$gateway" | tr 'A-Z_' 'a-z-')
    PASSWORD=$(value "PORTCULLIS_GATEWAY_${gateway}_PASSWORD")
    USER=gateway-$name
    export PASSWORD USER
    fill "$here/webdis.json.in" "$1/webdis-$name.json"
    PORT=$((PORT + 1))
done
