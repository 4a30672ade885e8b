-- id: data-types
-- severity: error
-- category: consistency
-- why: What the application reads as an address, a hash, a size or an object must be one.
SELECT 'user' AS kind, u.id, 'email or password' AS field, u.email AS value
  FROM "user" u
 WHERE u.email !~ '^[^@\s]+@[^@\s]+\.[^@\s]+$'
    OR u.hashed_password !~ '^(\$2[aby]\$|!)'
UNION ALL
SELECT 'agenda item', a.id, 'content', left(a.content::text, 80)
  FROM agenda_item a
 WHERE jsonb_typeof(a.content) <> 'object'
UNION ALL
SELECT 'upload', f.id, 'file_size', f.file_size::text
  FROM fileupload f
 WHERE f.file_size NOT BETWEEN 1 AND 52428800;
