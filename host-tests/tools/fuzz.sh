#!/usr/bin/env bash
# Runs the fuzz targets, each for SECONDS_EACH (60): fuzz.sh [target…]. Fails on the first finding, which then is in
# target/fuzz/artifacts/.
#
# Stable Rust: LLVM's coverage instrumentation needs no nightly flag. It goes only into the crates that read the
# input, through a wrapper of rustc, so that the rest is not slowed down by it.
set -euo pipefail
shopt -s extglob

# Ours, the targets, and what parses for them.
INSTRUMENTED='replay|proxy_wasm_host|filter_core|portcullis_fuzz|jsonl|har|raw_http|redact|pairs|property_path|redis_reply'
INSTRUMENTED+='|jwt_token|jwks|jwt_auth|schema_json|schema_direct|schema_guard|schema_guard_pass|base64|rsa|spki|der|serde_json|serde_path_to_error|httparse'

# As the wrapper: cargo calls `fuzz.sh rustc <arguments>`. Build scripts and macros are built without a target and
# stay as they are.
if [ "${FUZZ_WRAPPER:-}" = yes ]; then
    case " $* " in
    *" --crate-name "@($INSTRUMENTED)" "*" --target "*)
        exec "$@" -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
            -Cllvm-args=-sanitizer-coverage-trace-compares
        ;;
    esac
    exec "$@"
fi

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

SECONDS_EACH=${SECONDS_EACH:-60}
OUT=$PWD/target/fuzz
FUZZ=host-tests/fuzz
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    for target in $FUZZ/fuzz_targets/*.rs; do targets+=("$(basename "$target" .rs)"); done
fi

host=$(rustc -vV | sed -n 's/^host: //p')
FUZZ_WRAPPER=yes RUSTC_WRAPPER=$PWD/host-tests/tools/fuzz.sh CARGO_TARGET_DIR=$OUT \
    cargo build --quiet --locked --release --target "$host" --manifest-path $FUZZ/Cargo.toml

for target in "${targets[@]}"; do
    mkdir -p "$OUT/corpus/$target" "$OUT/artifacts/$target"
    echo "fuzz: $target, $SECONDS_EACH s"
    if ! "$OUT/$host/release/$target" "$OUT/corpus/$target" "$FUZZ/seeds/$target" -max_total_time="$SECONDS_EACH" \
        -artifact_prefix="$OUT/artifacts/$target/" -max_len=16384 -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 \
        >"$OUT/$target.log" 2>&1; then
        tail -40 "$OUT/$target.log" >&2
        echo "fuzz: $target: a finding; once more: $OUT/$host/release/$target $OUT/artifacts/$target/…" >&2
        exit 1
    fi
    tail -1 "$OUT/$target.log"
done
