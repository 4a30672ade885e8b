-- id: role-of-meeting-creators
-- severity: error
-- category: rules
-- why: Students do not call meetings; one that a student made was made around the rules.
SELECT m.id, m.title, m.start_time, u.username, u.role
  FROM meeting m
  JOIN "user" u ON u.id = m.created_by
 WHERE u.role = 'STUDENT';
