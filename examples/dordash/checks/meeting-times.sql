-- id: meeting-times
-- severity: error
-- category: rules
-- why: A meeting that ends before it begins is in no calendar.
SELECT m.id, m.title, m.start_time, m.end_time
  FROM meeting m
 WHERE m.end_time <= m.start_time
    OR m.end_time > m.start_time + interval '8 hours'
    OR NOT isfinite(m.start_time) OR NOT isfinite(m.end_time);
