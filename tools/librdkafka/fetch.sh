#!/usr/bin/env bash
# Builds the librdkafka that the program is shipped with (docs/adr/0027-a-librdkafka-of-our-own.md) into DIR (default
# ~/.cache/headgate/librdkafka-2.12.0), where CMake finds it: nothing is installed but npm, if it is missing. Does nothing
# if it is there. It takes a minute or two.
#
#   fetch.sh [DIR]
#
# The source comes out of an npm package that carries it whole. What a build needs is the C compiler and the headers of
# OpenSSL, zlib, zstd and LZ4, which `./dev setup build` installs.
set -euo pipefail
readonly version=2.12.0
readonly package=node-rdkafka@3.6.1
readonly sha512=sfpTbrT35429cs0RE8Yb9avGX9BiRRvpV7aweQsghKTjtrVZP3jBrKOPItWXAqHb8doyh3SkuGuUVBLgig1SRg==

dir=${1:-$HOME/.cache/headgate/librdkafka-$version}
[ -e "$dir/.whole" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Debian's npm is 360 small packages: what a crash of the machine would cost is another installation.
command -v npm >/dev/null ||
  { apt-get -qq update && apt-get -qq -y -o Dpkg::Options::=--force-unsafe-io install --no-install-recommends npm; } >/dev/null
echo "building librdkafka $version"
(cd "$work" && npm pack --silent "$package" >/dev/null)
# What goes into the program is what was looked at, whatever the registry says.
[ "$(openssl dgst -sha512 -binary "$work"/*.tgz | base64 -w 0)" = "$sha512" ] ||
  { echo "fetch.sh: $package is not the package that its checksum here is of" >&2; exit 1; }
tar -xzf "$work"/*.tgz -C "$work" package/deps/librdkafka

# Libraries that the program has anyway are the system's, which gets their security fixes: hence no --enable-static, which
# is about them. The archive is made either way. Locks of pthreads are those that ThreadSanitizer sees.
cd "$work/package/deps/librdkafka"
log=$work/log
{ ./configure --no-download --prefix="$dir" --disable-gssapi --disable-curl --disable-c11threads --disable-debug-symbols &&
    make -j "${HEADGATE_JOBS:-$(nproc)}" -C src librdkafka.a; } >"$log" 2>&1 ||
  { tail -40 "$log" >&2; echo "fetch.sh: librdkafka could not be built; the end of what was said is above" >&2; exit 1; }
for feature in SSL SASL_SCRAM ZLIB ZSTD LZ4_EXT; do
  grep -q "^WITH_$feature=[[:space:]]*y" Makefile.config ||
    { echo "fetch.sh: librdkafka was built without $feature: run ./dev setup build for the headers that it needs" >&2; exit 1; }
done

rm -rf "$dir.new"
mkdir -p "$dir.new/lib" "$dir.new/include/librdkafka"
cp src/librdkafka.a "$dir.new/lib"
cp src/rdkafka.h src/rdkafka_mock.h "$dir.new/include/librdkafka"
cp LICENSES.txt "$dir.new"
touch "$dir.new/.whole"
rm -rf "$dir"
mv "$dir.new" "$dir"
echo "librdkafka is in $dir"
