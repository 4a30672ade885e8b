-- id: agenda-fits-meeting
-- severity: warning
-- category: rules
-- why: An agenda longer than its meeting means that somebody's turn does not come.
SELECT m.id, m.title, sum(a.duration_minutes) AS agenda_minutes,
       extract(epoch FROM m.end_time - m.start_time)::bigint / 60 AS meeting_minutes
  FROM meeting m
  JOIN agenda_item a ON a.meeting_id = m.id
 GROUP BY m.id
HAVING sum(a.duration_minutes) * interval '1 minute' > m.end_time - m.start_time;
