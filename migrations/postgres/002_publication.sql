-- A publication for the logged tables of one schema. Partitions go under the name of their root.
\set ON_ERROR_STOP on
SELECT format('CREATE PUBLICATION %I WITH (publish = %L, publish_via_partition_root = true)', :'publication',
              'insert, update, delete, truncate')
WHERE NOT EXISTS (SELECT FROM pg_publication WHERE pubname = :'publication') \gexec
SELECT format('ALTER PUBLICATION %I SET TABLE %s', :'publication',
              string_agg(format('ONLY %I.%I', n.nspname, c.relname), ', ' ORDER BY c.relname))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :'schema' AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND NOT c.relispartition
HAVING count(*) > 0 \gexec
-- Tables whose UPDATE and DELETE would fail from now on: give them a key, or REPLICA IDENTITY FULL.
SELECT format('%I.%I', n.nspname, c.relname) AS table_without_identity
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :'schema' AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND NOT c.relispartition
  AND (c.relreplident = 'n' OR (c.relreplident = 'd' AND NOT EXISTS (
       SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)));
