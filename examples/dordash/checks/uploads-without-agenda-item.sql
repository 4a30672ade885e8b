-- id: uploads-without-agenda-item
-- severity: critical
-- category: orphans
-- why: A file whose agenda item is gone takes up space and can be reached by nobody.
-- fix: DELETE FROM fileupload f WHERE NOT EXISTS (SELECT FROM agenda_item a WHERE a.id = f.agenda_item_id)
SELECT f.id, f.agenda_item_id, f.filepath, f.file_size
  FROM fileupload f
 WHERE NOT EXISTS (SELECT FROM agenda_item a WHERE a.id = f.agenda_item_id);
