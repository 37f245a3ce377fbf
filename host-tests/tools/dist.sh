#!/usr/bin/env bash
# Builds the modules that ship, and those that only the tests load, into dist/ (or $DIST). With --guests, only the
# test guests, into dist/guests/.
#
# dist/SHA256SUMS lists the shipped modules alone: probe.wasm, caller.wasm, verifier.wasm and bench-guest.wasm lie beside
# them because the runner looks a module up in dist/ by its name, but nobody should deploy them.
#
# The same source and the same rustc give the same bytes on every machine: a pinned wasm-opt, a locked
# dependency tree, one codegen unit, and no path of this machine in a panic message. The revision in the
# module is part of the source. `make reproducible` proves it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

DIST=${DIST:-dist}
TARGET=wasm32-wasip1
OUT=${CARGO_TARGET_DIR:-target}
WASM_OPT=.tools/wasm-opt/bin/wasm-opt
# What Rust's wasm32-wasip1 may emit and Envoy's V8 accepts; SIMD is in dependencies of schema-guard alone. Named one by
# one: stripping removes the section in which the compiler says so, and --all-features would let the optimiser use more than the host has.
WASM_OPT_FLAGS=(-O3 --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext
    --enable-mutable-globals --enable-reference-types --enable-multivalue --enable-simd)

# The revision that the module logs at start: HEAD, or `unknown` outside a clone (a tarball inside somebody
# else's clone must not take that one's).
if [ -z "${PORTCULLIS_REVISION:-}" ]; then
    PORTCULLIS_REVISION=unknown
    [ ! -e .git ] || PORTCULLIS_REVISION=$(git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null) ||
        PORTCULLIS_REVISION=unknown
fi
export PORTCULLIS_REVISION
[ "${1:-}" != --revision ] || { echo "$PORTCULLIS_REVISION"; exit; }

[ "${1:-}" = --guests ] || [ -x $WASM_OPT ] || { echo "missing: wasm-opt: run make tools" >&2; exit 1; }
mkdir -p "$OUT/wasm-opt" "$DIST"
if command -v flock >/dev/null; then
    exec 9>"$OUT/wasm-opt/lock"
    flock 9
fi

# Every plugin has a module of the same name; a shipped module cannot be forgotten here.
shipped=()
for manifest in plugins/*/module/Cargo.toml; do
    plugin=${manifest#plugins/}
    shipped+=("${plugin%%/*}")
done
# file name in dist/ = package
modules=(probe=probe-module caller=caller-module verifier=verifier-module bench-guest=bench-guest)
for plugin in "${shipped[@]}"; do modules+=("$plugin=$plugin-module"); done

# rustc puts source paths into panic messages. Three roots differ between machines: ours, the standard
# library's when its source is installed, and the crates'. The folder below registry/src is named after where
# the crates were downloaded from, so it is mapped too, and has to be there before the first build.
cargo fetch --locked --quiet --target $TARGET
commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
RUSTFLAGS="--remap-path-prefix=$PWD=/portcullis"
RUSTFLAGS+=" --remap-path-prefix=$(rustc --print sysroot)/lib/rustlib/src/rust=/rustc/$commit"
for source in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do
    RUSTFLAGS+=" --remap-path-prefix=${source%/}=/crates"
done
export RUSTFLAGS

# --- the test guests, as their compilers make them, like most of what a host is given --------------------------
if [ "${1:-}" = --guests ]; then
    cargo build --locked --release --target $TARGET --package guests --examples
    mkdir -p "$DIST/guests"
    # into_guests FILE NAME: a host that loads the module meanwhile gets a whole one.
    into_guests() {
        cp "$1" "$DIST/guests/$2.wasm.part"
        mv "$DIST/guests/$2.wasm.part" "$DIST/guests/$2.wasm"
    }
    for example in host-tests/guests/examples/*; do
        name=$(basename "$example" .rs)
        into_guests "$OUT/$TARGET/release/examples/${name//-/_}.wasm" "$name"
    done

    # AssemblyScript looks for its packages beside the source; here that is a copy, since they are in .tools/.
    asc=.tools/assemblyscript
    [ -x $asc/bin/asc ] || { echo "missing: assemblyscript: run make tools" >&2; exit 1; }
    source=host-tests/guests/assemblyscript work=$OUT/assemblyscript
    stamp=$(cat $asc/package-lock.json $source/asconfig.json $source/assembly/* | sha256sum)
    if [ ! -f "$work/built.wasm" ] || [ "$(cat "$work/stamp" 2>/dev/null)" != "$stamp" ]; then
        rm -rf "$work" && mkdir -p "$work"
        cp -r $source/asconfig.json $source/assembly "$work/"
        ln -s "$PWD/$asc/node_modules" "$work/node_modules"
        compiler=$PWD/$asc/bin/asc
        (cd "$work" && "$compiler" assembly/index.ts --config asconfig.json --outFile built.wasm)
        echo "$stamp" >"$work/stamp"
    fi
    into_guests "$work/built.wasm" assemblyscript
    exit
fi

# One at a time: built together they would share their features, and every module would carry what one dependency of
# another asks of serde_json.
for package in "${modules[@]#*=}"; do
    cargo build --locked --profile dist --target $TARGET --package "$package"
done

version=$($WASM_OPT --version)
for module in "${modules[@]}"; do
    name=${module%%=*} package=${module#*=}
    built=$OUT/$TARGET/dist/${package//-/_}.wasm
    stamp="$(sha256sum <"$built") $version ${WASM_OPT_FLAGS[*]}"
    known=$OUT/wasm-opt/$name.stamp
    # Nothing to do when this input made this output.
    if [ -f "$DIST/$name.wasm" ] &&
        [ "$(cat "$known" 2>/dev/null)" = "$stamp $(sha256sum <"$DIST/$name.wasm")" ]; then
        # Sources may be newer and make the same bytes: the module is of now all the same.
        touch "$DIST/$name.wasm"
        continue
    fi
    $WASM_OPT "${WASM_OPT_FLAGS[@]}" "$built" -o "$DIST/$name.wasm.part"
    mv "$DIST/$name.wasm.part" "$DIST/$name.wasm"
    printf '%s %s\n' "$stamp" "$(sha256sum <"$DIST/$name.wasm")" >"$known"
    printf '%s: %d bytes built, %d after wasm-opt\n' "$name" "$(stat -c %s "$built")" "$(stat -c %s "$DIST/$name.wasm")"
done

(cd "$DIST" && sha256sum "${shipped[@]/%/.wasm}" >SHA256SUMS && cat SHA256SUMS)
for plugin in "${shipped[@]}"; do
    printf '%s: %d bytes, revision %s, rustc %s\n' "$DIST/$plugin.wasm" "$(stat -c %s "$DIST/$plugin.wasm")" \
        "$PORTCULLIS_REVISION" "$(rustc --version | cut -d' ' -f2)"
done
