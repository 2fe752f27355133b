#!/usr/bin/env bash
# Puts an Apache Kafka for the tests into DIR (default ~/.cache/headgate/kafka): nothing is installed but Maven and a Java 17.
# Does nothing if it is there.
#
#   fetch.sh [DIR]
#
# DIR/lib has the broker's jars, as Maven finds them by their coordinates; there are no scripts and no settings. A broker
# starts a second sooner with the classes that it loads in DIR/classes.jsa, so one is started here, once. Java checks that
# the archive fits and does without it if not.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly version=4.3.1

dir=${1:-$HOME/.cache/headgate/kafka}
[ -e "$dir/.whole" ] && exit 0

work=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || kill -9 "$broker" 2>/dev/null; rm -rf "$work"' EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

archive_classes() {
  local controller
  controller=127.0.0.1:$(free_port)
  local java=(java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$dir/lib/*")
  printf '%s\n' process.roles=broker,controller node.id=1 "controller.quorum.voters=1@$controller" "log.dirs=$work/data" \
    "listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://$controller" controller.listener.names=CONTROLLER \
    inter.broker.listener.name=PLAINTEXT log.cleaner.dedupe.buffer.size=2097152 >"$work/properties"
  printf '%s\n' appender.out.type=Console appender.out.name=out rootLogger.level=INFO rootLogger.appenderRef.out.ref=out >"$work/log4j2.properties"
  "${java[@]}" kafka.tools.StorageTool format -t aGVhZGdhdGUtdGVzdHMtMQ -c "$work/properties" >"$work/log" 2>&1 || return 1
  "${java[@]}" -XX:ArchiveClassesAtExit="$dir/classes.jsa" -Dlog4j2.configurationFile="$work/log4j2.properties" kafka.Kafka "$work/properties" \
    >"$work/log" 2>&1 &
  broker=$!
  timeout 60 grep -q -m 1 'Kafka Server started' < <(exec tail -f -n +1 --pid="$broker" "$work/log") || return 1
  kill "$broker" && wait "$broker" || true  # 143: it was asked to
  broker=
  [ -e "$dir/classes.jsa" ]
}

{ command -v mvn && command -v java; } >/dev/null ||
  { apt-get -qq update && apt-get -qq -y install --no-install-recommends maven openjdk-17-jdk-headless; } >/dev/null
echo "fetching Apache Kafka $version"
rm -rf "$dir"  # what was cut off
mkdir -p "$dir"
mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies "-Dkafka=$version" -DoutputDirectory="$dir/lib"
archive_classes || echo "fetch.sh: the archive of classes was not made; brokers start without it: $(tail -n 1 "$work/log")" >&2
touch "$dir/.whole"
echo "kafka is in $dir"
