-- id: uploads-by-their-presenter
-- severity: warning
-- category: rules
-- why: Files of an agenda item are uploaded by whose item it is, or by the staff.
SELECT f.id, f.filename, f.user_id AS uploaded_by, u.role, a.user_id AS item_of
  FROM fileupload f
  JOIN agenda_item a ON a.id = f.agenda_item_id
  JOIN "user" u ON u.id = f.user_id
 WHERE f.user_id <> a.user_id
   AND u.role NOT IN ('SECRETARY', 'ADMIN');
