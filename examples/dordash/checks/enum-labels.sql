-- id: enum-labels
-- severity: critical
-- category: consistency
-- why: The application knows the labels of these types by heart; one more or less breaks it.
WITH wanted (type, labels) AS (VALUES
  ('userrole', ARRAY['STUDENT', 'FACULTY', 'SECRETARY', 'ADMIN']),
  ('meetingtype', ARRAY['GENERAL_UPDATE', 'PRESENTATIONS_AND_UPDATES', 'SEMINAR', 'OTHER']),
  ('agendaitemtype', ARRAY['STUDENT_UPDATE', 'FACULTY_UPDATE', 'PRESENTATION', 'ANNOUNCEMENT']),
  ('registrationstatus', ARRAY['PENDING', 'APPROVED', 'REJECTED'])),
found AS (
  SELECT t.typname::text AS type, array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels
    FROM pg_type t
    JOIN pg_enum e ON e.enumtypid = t.oid
   WHERE t.typnamespace = 'public'::regnamespace
   GROUP BY t.oid)
SELECT coalesce(w.type, f.type) AS type, w.labels AS wanted, f.labels AS found
  FROM wanted w
  LEFT JOIN found f USING (type)
 WHERE w.labels IS DISTINCT FROM f.labels;
