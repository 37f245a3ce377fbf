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
# Optional: a gateway for operators. It writes the deny list, so it has an HTTP password of its own, user name operator.
OPERATOR=PORTCULLIS_OPERATOR_GATEWAY_PASSWORD
OPERATOR_HTTP=PORTCULLIS_WEBDIS_OPERATOR_PASSWORD
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

# is_set NAME: whether there is such an environment variable, be it empty.
is_set() { eval "[ \"\${$1+set}\" ]"; }

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

# check_http NAME: the same for a password of HTTP basic authentication.
check_http() {
    check "$1"
    password=$(value "$1")
    [ ${#password} -le $MOST_HTTP ] || refuse "$1 is longer than $MOST_HTTP characters"
}

# sum NAME: what Redis compares a password with.
sum() { value "$1" | sha256sum | cut -d ' ' -f 1; }

# gateway NAME USER PASSWORD: its webdis-NAME.json.
gateway() {
    USER=$2
    PASSWORD=$(value "$3")
    export PASSWORD USER
    fill "$here/webdis.json.in" "$target/webdis-$1.json"
    PORT=$((PORT + 1))
}

# basic USER NAME: the member that has Webdis want basic authentication; nothing where there is no password.
basic() {
    if is_set "$2"; then printf '"http_basic_auth": "%s:%s", ' "$1" "$(value "$2")"; fi
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
if is_set $HTTP; then check_http $HTTP; fi
operator=
if is_set $OPERATOR || is_set $OPERATOR_HTTP; then
    operator=1
    check $OPERATOR
    check_http $OPERATOR_HTTP
fi
[ $refused = 0 ] || exit 1

target=$1
mkdir -p "$target"
chmod 700 "$target"

for user in $USERS; do
    sum=$(sum "PORTCULLIS_${user}_PASSWORD")
    export "${user}_SHA256=$sum"
done
OPERATOR_GATEWAY=off
[ -z "$operator" ] || OPERATOR_GATEWAY="on #$(sum $OPERATOR)"
export OPERATOR_GATEWAY
fill "$here/users.acl.in" "$target/users.acl"
cp "$here/redis.conf" "$target/redis.conf.part"
mv -f "$target/redis.conf.part" "$target/redis.conf"

HTTP_BASIC_AUTH=$(basic portcullis $HTTP)
PORT=7379
export HTTP_BASIC_AUTH PORT
for purpose in $GATEWAYS; do
    name=$(printf %s "$purpose" | tr 'A-Z_' 'a-z-')
    gateway "$name" "gateway-$name" "PORTCULLIS_GATEWAY_${purpose}_PASSWORD"
done
# What an earlier run wrote would hold a password.
rm -f "$target/webdis-operator.json"
if [ -n "$operator" ]; then
    HTTP_BASIC_AUTH=$(basic operator $OPERATOR_HTTP)
    gateway operator operator-gateway $OPERATOR
fi
