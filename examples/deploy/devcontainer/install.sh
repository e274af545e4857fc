#!/bin/sh
# Installs a release of awf-hook: its program, its man pages and its completions. It verifies the archive's checksum.
#
#   VERSION=v1.2.3 PREFIX=/usr/local sh install.sh
#
# VERSION is "latest" by default. DOWNLOADS is where releases are; it needs curl, tar and sha256sum or shasum.
set -eu

VERSION=${VERSION:-latest}
PREFIX=${PREFIX:-/usr/local}
DOWNLOADS=${DOWNLOADS:-https://github.com/awf-project/awf-hook/releases}

fail() {
	echo "awf-hook: $1" >&2
	exit 1
}

case $(uname -s) in
Linux) system=linux ;;
Darwin) system=darwin ;;
*) fail "no release for $(uname -s)" ;;
esac
case $(uname -m) in
x86_64 | amd64) processor=amd64 ;;
aarch64 | arm64) processor=arm64 ;;
*) fail "no release for $(uname -m)" ;;
esac
command -v curl >/dev/null || fail "install curl first"

case $VERSION in
latest) base=$DOWNLOADS/latest/download ;;
v*) base=$DOWNLOADS/download/$VERSION ;;
*) base=$DOWNLOADS/download/v$VERSION ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
curl -fsSL --retry 3 -o checksums.txt "$base/checksums.txt" || fail "no release at $base"
archive=$(sed -n "s/^[0-9a-f]*  \(awf-hook_.*_${system}_${processor}\.tar\.gz\)\$/\1/p" checksums.txt)
[ -n "$archive" ] || fail "$base has no archive for $system/$processor"
curl -fsSL --retry 3 -o "$archive" "$base/$archive"
grep -F "  $archive" checksums.txt >wanted
if command -v sha256sum >/dev/null; then
	sha256sum -c wanted >/dev/null || fail "$archive is damaged"
else
	shasum -a 256 -c wanted >/dev/null || fail "$archive is damaged"
fi
tar -xzf "$archive"
cd "${archive%.tar.gz}"
mkdir -p "$PREFIX/bin" "$PREFIX/share/man/man1" "$PREFIX/share/bash-completion/completions" \
	"$PREFIX/share/zsh/site-functions" "$PREFIX/share/fish/vendor_completions.d"
cp awf-hook "$PREFIX/bin/"
cp man/man1/* "$PREFIX/share/man/man1/"
cp completions/awf-hook.bash "$PREFIX/share/bash-completion/completions/awf-hook"
cp completions/_awf-hook "$PREFIX/share/zsh/site-functions/"
cp completions/awf-hook.fish "$PREFIX/share/fish/vendor_completions.d/"
"$PREFIX/bin/awf-hook" version
