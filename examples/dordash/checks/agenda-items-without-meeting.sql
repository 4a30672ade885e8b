-- id: agenda-items-without-meeting
-- severity: critical
-- category: orphans
-- why: An agenda item whose meeting is gone is shown nowhere, and its files with it.
-- fix: DELETE FROM agenda_item a WHERE NOT EXISTS (SELECT FROM meeting m WHERE m.id = a.meeting_id)
SELECT a.id, a.meeting_id, a.user_id, a.title
  FROM agenda_item a
 WHERE NOT EXISTS (SELECT FROM meeting m WHERE m.id = a.meeting_id);
