-- Roles per service with rights on its own schema only, and one that reads for `tongchou verify`. Can be repeated.
--
--   enrollment, facility, collection, adjudication, settlement   own the schema of their name and see no other
--   auditor                                                       reads all five, writes nothing
--
-- Each has its password in /run/secrets/ROLE.password. Nobody but these may connect, and nobody may make schemas,
-- temporary tables or anything in schema public.

-- Passwords must not get into the server's log with a statement that fails.
SET log_min_error_statement = panic;
SET log_statement = 'none';
SET client_min_messages = warning;

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;

SELECT format('CREATE ROLE %I LOGIN', name)
  FROM unnest(ARRAY['enrollment', 'facility', 'collection', 'adjudication', 'settlement', 'auditor']) AS name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

\set enrollment `cat /run/secrets/enrollment.password`
\set facility `cat /run/secrets/facility.password`
\set collection `cat /run/secrets/collection.password`
\set adjudication `cat /run/secrets/adjudication.password`
\set settlement `cat /run/secrets/settlement.password`
\set auditor `cat /run/secrets/auditor.password`
ALTER ROLE enrollment   NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 10 PASSWORD :'enrollment';
ALTER ROLE facility     NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 10 PASSWORD :'facility';
ALTER ROLE collection   NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 10 PASSWORD :'collection';
ALTER ROLE adjudication NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 60 PASSWORD :'adjudication';
ALTER ROLE settlement   NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 10 PASSWORD :'settlement';
ALTER ROLE auditor      NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 10 PASSWORD :'auditor';
ALTER ROLE auditor SET default_transaction_read_only = on;

SELECT format('GRANT CONNECT ON DATABASE %I TO enrollment, facility, collection, adjudication, settlement, auditor',
              current_database()) \gexec

SELECT format(part, name)
  FROM unnest(ARRAY['enrollment', 'facility', 'collection', 'adjudication', 'settlement']) AS name,
       unnest(ARRAY['CREATE SCHEMA IF NOT EXISTS %1$I AUTHORIZATION %1$I',
                    'REVOKE ALL ON SCHEMA %1$I FROM PUBLIC',
                    'GRANT USAGE ON SCHEMA %1$I TO auditor',
                    'GRANT SELECT ON ALL TABLES IN SCHEMA %1$I TO auditor',
                    'ALTER DEFAULT PRIVILEGES FOR ROLE %1$I IN SCHEMA %1$I GRANT SELECT ON TABLES TO auditor'])
       WITH ORDINALITY AS step (part, number)
 ORDER BY name, number \gexec
