-- Roles of the torture database.  They belong to the cluster, not to the database, so this file
-- may run any number of times: only what is missing is created.  Run it once per cluster, before
-- torture.sql, and in every cluster a torture backup is restored into.
SET client_min_messages = warning;

SELECT format ('CREATE ROLE %I %s', name, options)
  FROM (VALUES
    ('torture_owner', 'NOLOGIN'),
    ('torture_reader', 'NOLOGIN'),
    ('torture_writer', 'NOLOGIN'),
    ('torture_grantor', 'NOLOGIN'),
    ('Torture "Quoted" Role', 'NOLOGIN'),
    ('torture.dotted role', 'NOLOGIN'),
    ('tórture-ünïcode-ロール', 'NOLOGIN'),
    ('select', 'NOLOGIN'),
    (rpad ('torture_', 63, 'r'), 'NOLOGIN'),
    ('torture=equals,comma{brace}', 'NOLOGIN')
  ) AS wanted (name, options)
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name)
 ORDER BY name
\gexec

GRANT torture_writer TO torture_grantor;
