-- How far each sink has come; it moves in the transaction that has the rows.
CREATE TABLE headgate_sinks (
  sink text PRIMARY KEY,
  log_id text NOT NULL,        -- of the data directory: places mean nothing in another one
  seq bigint NOT NULL,         -- everything in front of this transaction of the log is in the tables
  epoch bigint NOT NULL,       -- one up whenever the sink starts: an older process can write no more
  states text NOT NULL DEFAULT '',  -- how far snapshots for the sink are in the tables, beyond what it has noted itself
  moved_at timestamptz NOT NULL DEFAULT now()
)
