#!/usr/bin/env bash
# Proves that the shipped modules depend on the source alone: builds a copy of the tree at another path, with
# another target directory and another cargo home, and compares the sums. Run by `make reproducible`, after
# `make dist`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

copy=$(mktemp -d "${TMPDIR:-/tmp}/portcullis-reproducible.XXXXXX")
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM

tar -c --exclude=./target --exclude=./dist --exclude=./.git --exclude=./.tools . | tar -x -C "$copy"
ln -s "$PWD/.tools" "$copy/.tools"

# The copy is no clone: it is told the revision that the first build had.
PORTCULLIS_REVISION=$(host-tests/tools/dist.sh --revision)
export PORTCULLIS_REVISION
# The other cargo home has the first one's downloads and settings, under another name.
home=${CARGO_HOME:-$HOME/.cargo}
mkdir "$copy/home"
for entry in registry git config config.toml; do
    [ ! -e "$home/$entry" ] || ln -s "$home/$entry" "$copy/home/$entry"
done
CARGO_HOME=$copy/home CARGO_TARGET_DIR=$copy/elsewhere DIST=$copy/dist "$copy/host-tests/tools/dist.sh" >&2

echo "here:  $(tr '\n' ' ' <dist/SHA256SUMS)"
echo "there: $(tr '\n' ' ' <"$copy/dist/SHA256SUMS")"
if cmp -s dist/SHA256SUMS "$copy/dist/SHA256SUMS"; then
    echo "reproducible: the same bytes from another path, target directory and cargo home"
else
    echo "NOT reproducible: the sums differ" >&2
    exit 1
fi
