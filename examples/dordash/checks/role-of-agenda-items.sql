-- id: role-of-agenda-items
-- severity: error
-- category: rules
-- why: Only students give student updates and only faculty gives faculty updates.
SELECT a.id, a.meeting_id, a.item_type, u.username, u.role
  FROM agenda_item a
  JOIN "user" u ON u.id = a.user_id
 WHERE (a.item_type = 'STUDENT_UPDATE' AND u.role <> 'STUDENT')
    OR (a.item_type = 'FACULTY_UPDATE' AND u.role <> 'FACULTY');
