-- How far each sink has come; it moves in the transaction that has the rows.
CREATE TABLE headgate_sinks (
  sink varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY,
  log_id varchar(64) NOT NULL,      -- of the data directory: places mean nothing in another one
  seq bigint unsigned NOT NULL,     -- everything in front of this transaction of the log is in the tables
  epoch bigint unsigned NOT NULL,   -- one up whenever the sink starts: an older process can write no more
  states mediumtext NOT NULL,       -- how far snapshots for the sink are in the tables, beyond what it has noted itself
  moved_at timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
) ENGINE = InnoDB
