#!/usr/bin/env bash
# A million requests through the host with request-policy: how many a second, and that its memory stays what it
# was after the first hundred thousand. Only the memory can fail the run; machines differ in the rest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

requests=${REQUESTS:-1000000}
begin=$((requests / 10))
end=$((requests - requests / 100))
limit_kib=2048
binary=target/release/portcullis
[ -x "$binary" ] || { echo "missing: $binary (cargo build --release -p replay)" >&2; exit 1; }

folder=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$folder"' EXIT

# Most pass; some are refused for their method or their path, and some come with a body.
awk -v requests="$requests" 'BEGIN {
    for (i = 0; i < requests; i++) {
        if (i % 10 == 3) line = "\"method\":\"DELETE\",\"path\":\"/orders/" i "\""
        else if (i % 10 == 6) line = "\"path\":\"/orders/../admin/" i "\""
        else if (i % 10 == 9) line = "\"method\":\"POST\",\"path\":\"/orders\",\"headers\":[[\"content-type\",\"application/json\"]],\"body\":\"{\\\"id\\\":" i "}\""
        else line = "\"path\":\"/orders/" i "?page=2\",\"headers\":[[\"accept\",\"*/*\"],[\"user-agent\",\"soak\"],[\"x-api-key\",\"k" i "\"]]"
        print "{\"t_ms\":" i "," line "}"
    }
}' >"$folder/traffic.jsonl"

mkfifo "$folder/results"
started=$(date +%s%N)
"$binary" replay --config envoy-configs/envoy/request-policy.yaml --traffic "$folder/traffic.jsonl" \
    --out "$folder/results" >"$folder/table" &
pid=$!
awk -v pid="$pid" -v begin="$begin" -v end="$end" '
    function resident(  line, file) {
        file = "/proc/" pid "/status"
        while ((getline line < file) > 0) if (line ~ /^VmRSS:/) { split(line, part, " "); close(file); return part[2] }
        return 0
    }
    /^{"id"/ { count++ }
    count == begin && !first { first = resident() }
    count == end && !last { last = resident() }
    END { print count + 0, first + 0, last + 0 }' <"$folder/results" >"$folder/counts"
wait "$pid"
pid=
ended=$(date +%s%N)
read -r count first last <"$folder/counts"

tail -n 3 "$folder/table"
echo "$count requests in $(((ended - started) / 1000000)) ms: $((count * 1000000000 / (ended - started))) a second"
echo "resident after $begin: $first KiB, after $end: $last KiB"
[ "$count" = "$requests" ] || { echo "results: $count of $requests" >&2; exit 1; }
[ "$first" -gt 0 ] && [ "$last" -gt 0 ] || { echo "the memory could not be read" >&2; exit 1; }
[ $((last - first)) -le $limit_kib ] || { echo "memory grew by $((last - first)) KiB; at most $limit_kib are wanted" >&2; exit 1; }
