#!/bin/bash
# Makes the binary logs of the same rows in every form that a server writes them in, which the tests of the decoder compare.
#
#   rows.sh CLIENT SOCKET DATA_DIR NAME mysql|mariadb
#
# CLIENT is a mysql program that the server accepts. Writes NAME-FORM.bin into rows/ beside this script, one log for each form. The statements are in
# rows_test.cc as what they do to the table: a change here needs one there.
set -euo pipefail
readonly client=$1 socket=$2 data=$3 name=$4 kind=$5
readonly here=$(cd "$(dirname "$0")" && pwd)

sql() { "$client" --no-defaults --default-character-set=utf8mb4 --skip-column-names -S "$socket" -u root "$@"; }

status="show master status"
sql -e "$status" >/dev/null 2>&1 || status="show binary log status"

# FORM IMAGE METADATA COMPRESSED CHECKSUM
make() {
  local form=$1 image=$2 metadata=$3 packed=$4 checksum=$5 log session
  session="set binlog_row_image = $image, time_zone = '+00:00'"
  if [[ $kind == mysql ]]; then
    session+=", binlog_transaction_compression = $packed"
  else
    sql -e "set global log_bin_compress = $packed, global log_bin_compress_min_len = 10"
  fi
  sql -e "drop database if exists s; create database s; set global binlog_checksum = $checksum, global binlog_row_metadata = $metadata; flush binary logs"
  log=$(sql -e "$status" | cut -f1)
  sql <<SQL
$session;
create table s.r (id int primary key, n int unsigned, big bigint unsigned, v varchar(200) character set utf8mb4, b blob, d decimal(10, 2),
  e enum('x', 'ü') character set utf8mb4, ts timestamp(3) null);
insert into s.r values
  (1, 4294967295, 18446744073709551615, 'Zoë', 'blob one', -12.50, 'ü', '2024-02-29 12:34:56.789'), (2, 0, 0, '', '', 0, 'x', null);
insert into s.r values (3, null, null, null, null, null, null, null);
update s.r set v = 'changed' where id = 1;
update s.r set b = 'blob two' where id = 1;
update s.r set n = 7 where id in (1, 2);
update s.r set id = 30 where id = 3;
insert into s.r values (4, 4, 4, repeat('long ', 30), repeat('z', 400), 4, 'x', '1970-01-01 00:00:01');
delete from s.r where id = 2;
begin; insert into s.r values (5, 5, 5, 'five', 'b5', 5, 'x', null); delete from s.r where id = 5; commit;
SQL
  sql -e "flush binary logs"
  mkdir -p "$here/rows"
  cp "$data/$log" "$here/rows/$name-$form.bin"
  chmod 644 "$here/rows/$name-$form.bin"
}

make full FULL FULL 0 CRC32
make noblob NOBLOB FULL 0 CRC32
make minimal MINIMAL FULL 0 CRC32
make nameless FULL MINIMAL 0 CRC32
make packed FULL FULL 1 CRC32
make unchecked FULL FULL 0 NONE
make least MINIMAL MINIMAL 1 NONE
