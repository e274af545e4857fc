#!/bin/sh
# Builds the guests in C and Rust whose .wasm files are committed. On Debian:
# apt-get install clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc wabt \
#   rustc cargo lld-14 libstd-rust-dev-wasm32 librust-serde-json-dev librust-serde-derive-dev librust-serde-dev
set -eu
cd "$(dirname "$0")"
for guest in echo reshape abi; do
	clang-19 --target=wasm32 -O2 -mbulk-memory -nostdlib -ffreestanding \
		-Wl,--no-entry -Wl,--strip-debug -Wl,--allow-undefined -Wl,-z,stack-size=16384 -o $guest.wasm c/$guest.c
done
clang-19 --target=wasm32-wasi --sysroot=/usr -isystem /usr/include/wasm32-wasi -O2 \
	-Wl,--strip-debug -o command.wasm c/command.c
wat2wasm -o residue.wasm residue.wat
wat2wasm -o logs.wasm logs.wat
build=$(mktemp -d)
cp -r rust/. "$build"
mkdir "$build/.cargo"
cat > "$build/.cargo/config.toml" <<-END
	[source.crates-io]
	replace-with = "debian"
	[source.debian]
	directory = "/usr/share/cargo/registry"
END
(cd "$build" && RUSTC=/usr/bin/rustc /usr/bin/cargo build -q --release --offline --target wasm32-unknown-unknown)
cp "$build/target/wasm32-unknown-unknown/release/reshape.wasm" rust.wasm
rm -r "$build"
chmod 644 ./*.wasm
