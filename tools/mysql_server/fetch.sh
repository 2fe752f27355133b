#!/usr/bin/env bash
# Puts a MySQL server for the tests into DIR (default ~/.cache/headgate/mysql): Debian 12 has none, the unstable
# distribution has. Its packages are unpacked beside the system, with their own libraries; nothing is installed. Does
# nothing if the server is there.
set -euo pipefail

dir=${1:-${HEADGATE_TEST_MYSQL:-$HOME/.cache/headgate/mysql}}
[ -x "$dir/usr/sbin/mysqld" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The mirror that this system uses.
mirror=$(apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
mirror=${mirror:-http://deb.debian.org/debian/}
mkdir -p "$work"/{lists/partial,archives/partial,etc/preferences.d,etc/apt.conf.d,sources.d}
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" > "$work/sources.list"
: > "$work/status"
apt=(apt-get -qq -y -o "Dir::State::lists=$work/lists" -o "Dir::State::status=$work/status" -o "Dir::Cache=$work"
  -o "Dir::Cache::archives=$work/archives" -o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=$work/sources.d"
  -o "Dir::Etc::preferencesparts=$work/etc/preferences.d" -o APT::Install-Recommends=false -o APT::Sandbox::User=
  -o Debug::NoLocking=true -o Acquire::Check-Valid-Until=false)  # a mirror may be weeks behind; what it has is signed
"${apt[@]}" update
"${apt[@]}" install --download-only mysql-server-core >/dev/null
mkdir -p "$dir.new"
for package in "$work"/archives/*.deb; do dpkg -x "$package" "$dir.new"; done
rm -rf "$dir"
mv "$dir.new" "$dir"
"$dir/usr/lib64/ld-linux-x86-64.so.2" --library-path "$dir/usr/lib/x86_64-linux-gnu" "$dir/usr/sbin/mysqld" --version
