#!/bin/bash
# Makes the binary logs that the tests of the decoder read, from a running server that logs rows with full metadata.
#
#   capture.sh SOCKET DATA_DIR NAME mysql|mariadb
#
# writes NAME.bin beside this script: the one log that the statements below fill.
set -euo pipefail
readonly socket=$1 data=$2 name=$3 kind=$4
readonly here=$(cd "$(dirname "$0")" && pwd)

sql() { mysql --no-defaults --default-character-set=utf8mb4 --skip-column-names -S "$socket" -u root "$@"; }

status="show master status"
[[ $kind == mysql ]] && status="show binary log status"
sql -e "drop database if exists s; flush binary logs"
readonly log=$(sql -e "$status" | cut -f1)

# shellcheck disable=SC2016
sql <<SQL
create database s;
create table s.t (id int primary key, v varchar(2000));
insert into s.t values (1, 'a'), (2, 'b');
update s.t set v = 'c' where id = 1;
begin; delete from s.t where id = 2; insert into s.t values (3, 'x'); commit;
xa start 'abc', 'b', 7; insert into s.t values (9, 'xa'); xa end 'abc', 'b', 7; xa prepare 'abc', 'b', 7;
xa commit 'abc', 'b', 7;
create table s.kinds (
  year_of year, a tinyint unsigned not null, b smallint, c mediumint unsigned, d int, e bigint unsigned, f float unsigned, g double,
  dec_of decimal(10, 3) unsigned, bits bit(11), en enum('x', 'ü,y') character set latin1, st set('p', 'q'), day date, ti time(3), dt datetime(6),
  ts timestamp(2) null, ch char(200) character set utf8mb4, bi binary(16), vc varchar(20) character set latin1,
  vb varbinary(300), tx text character set ucs2, bl mediumblob, geo geometry, po point, js json,
  primary key (b, vc(3)));
insert into s.kinds (year_of, a, b, vc, en, st) values (2018, 255, -2, 'key', 'x', 'q');
create table s.ordered (a int, b int, c varchar(10) default 'é', primary key (b, a)) default charset latin1;
insert into s.ordered values (1, 2, 'z');
SQL
case $kind in
  mysql)
    sql <<SQL
create table s.docs (id int primary key, j json, hidden int invisible default 7, v vector(3));
insert into s.docs (id, j) values (1, '{"a": 1}');
set binlog_row_value_options = PARTIAL_JSON;
update s.docs set j = json_set(j, '\$.a', 2);
set binlog_row_value_options = '';
set gtid_next = 'AUTOMATIC:blue'; delete from s.t where id = 1; set gtid_next = 'AUTOMATIC';
set binlog_transaction_compression = ON; insert into s.t values (5, repeat('x', 500)); set binlog_transaction_compression = OFF;
SQL
    ;;
  mariadb)
    sql <<SQL
set global log_bin_compress = 1, global log_bin_compress_min_len = 10;
SQL
    sql <<SQL
insert into s.t values (4, repeat('q', 1500));
update s.t set v = repeat('r', 1800) where id = 4;
delete from s.t where id = 4;
alter table s.t add column w int comment 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx';
set gtid_domain_id = 5; insert into s.t values (10, 'd', 1);
create table s.packed (id int, v varchar(100) compressed, b blob compressed);
insert into s.packed values (1, repeat('v', 90), 'short');
set global log_bin_compress = 0;
SQL
    ;;
esac
sql -e "flush binary logs"
cp "$data/$log" "$here/$name.bin"
chmod 644 "$here/$name.bin"
