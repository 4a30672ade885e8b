-- id: tables-there
-- severity: critical
-- category: consistency
-- why: A table that is missing, or that the application may not read, is a page that fails.
SELECT w.name AS table_name, c.oid IS NOT NULL AS exists
  FROM unnest(ARRAY['user', 'meeting', 'agenda_item', 'fileupload', 'registration_request']) AS w (name)
  LEFT JOIN pg_class c ON c.relname = w.name
                      AND c.relnamespace = 'public'::regnamespace
                      AND c.relkind IN ('r', 'p')
 WHERE c.oid IS NULL
    OR NOT has_table_privilege(c.oid, 'SELECT');
