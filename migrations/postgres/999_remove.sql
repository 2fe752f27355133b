-- Takes away what a source left: -v slot=... -v publication=... -v role=... -v schema=...
\set ON_ERROR_STOP on
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = :'slot';
DROP PUBLICATION IF EXISTS :"publication";
ALTER DEFAULT PRIVILEGES IN SCHEMA :"schema" REVOKE SELECT ON TABLES FROM :"role";
SELECT format('REVOKE ALL ON DATABASE %I FROM %I', current_database(), :'role') \gexec
REVOKE ALL ON ALL TABLES IN SCHEMA :"schema" FROM :"role";
REVOKE ALL ON SCHEMA :"schema" FROM :"role";
DROP ROLE IF EXISTS :"role";
