#!/bin/sh
# Makes the .wasm of each .wat, with the flags that its head names. wat2wasm is of Debian's wabt.
set -eu
cd "$(dirname "$0")"
for wat in *.wat; do
	flags=$(sed -n 's/^;; wat2wasm: //p' "$wat")
	wat2wasm --enable-all $flags -o "${wat%.wat}.wasm" "$wat"
done
