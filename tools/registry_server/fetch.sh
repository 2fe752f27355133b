#!/usr/bin/env bash
# Puts a schema registry for the tests, Apicurio's, into DIR (default ~/.cache/headgate/registry): nothing is installed but
# Maven and a Java 17. Does nothing if it is there.
#
#   fetch.sh [DIR]
#
# DIR/home is its maker's tree. 3.0 is the newest line that runs on Java 17.
set -euo pipefail
readonly version=3.0.9

dir=${1:-$HOME/.cache/headgate/registry}
[ -e "$dir/.whole" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{ command -v mvn && command -v java; } >/dev/null ||
  { apt-get -qq update && apt-get -qq -y install --no-install-recommends maven openjdk-17-jdk-headless; } >/dev/null
echo "fetching Apicurio Registry $version"
rm -rf "$dir.new"
mkdir -p "$dir.new/home"
mvn -q -B dependency:copy "-Dartifact=io.apicurio:apicurio-registry-app:$version:tar.gz:all" -DoutputDirectory="$work"
tar -xzf "$work"/*.tar.gz -C "$dir.new/home"
rm -rf ~/.m2/repository/io/apicurio/apicurio-registry-app  # a hundred megabytes, twice
touch "$dir.new/.whole"
rm -rf "$dir"
mv "$dir.new" "$dir"
echo "registry is in $dir"
