-- id: rows-without-user
-- severity: critical
-- category: orphans
-- why: What belongs to a user who is gone is nobody's to change.
SELECT 'meeting' AS kind, m.id, m.created_by AS user_id
  FROM meeting m
 WHERE NOT EXISTS (SELECT FROM "user" u WHERE u.id = m.created_by)
UNION ALL
SELECT 'agenda item', a.id, a.user_id
  FROM agenda_item a
 WHERE NOT EXISTS (SELECT FROM "user" u WHERE u.id = a.user_id)
UNION ALL
SELECT 'upload', f.id, f.user_id
  FROM fileupload f
 WHERE NOT EXISTS (SELECT FROM "user" u WHERE u.id = f.user_id)
UNION ALL
SELECT 'registration', r.id, coalesce(r.user_id, r.reviewed_by)
  FROM registration_request r
 WHERE (r.user_id IS NOT NULL AND NOT EXISTS (SELECT FROM "user" u WHERE u.id = r.user_id))
    OR (r.reviewed_by IS NOT NULL AND NOT EXISTS (SELECT FROM "user" u WHERE u.id = r.reviewed_by));
