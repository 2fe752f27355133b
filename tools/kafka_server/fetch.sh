#!/usr/bin/env bash
# Puts an Apache Kafka for the tests into DIR (default ~/.cache/headgate/kafka): nothing is installed but Maven and a Java 17.
# Does nothing if it is there.
#
#   fetch.sh [DIR]
#
# DIR/lib has the broker's jars, as Maven finds them by their coordinates; there are no scripts and no settings.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly version=4.3.1

dir=${1:-$HOME/.cache/headgate/kafka}
[ -e "$dir/.whole" ] && exit 0

{ command -v mvn && command -v java; } >/dev/null ||
  { apt-get -qq update && apt-get -qq -y install --no-install-recommends maven openjdk-17-jdk-headless; } >/dev/null
echo "fetching Apache Kafka $version"
rm -rf "$dir.new"
mkdir -p "$dir.new"
mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies "-Dkafka=$version" -DoutputDirectory="$dir.new/lib"
touch "$dir.new/.whole"
rm -rf "$dir"
mv "$dir.new" "$dir"
echo "kafka is in $dir"
