-- id: meetings-overlap
-- severity: error
-- category: rules
-- why: Two meetings cannot be in one room at one time.
SELECT a.id, a.title, a.location, a.start_time, a.end_time, b.id AS other_id, b.title AS other_title
  FROM meeting a
  JOIN meeting b ON b.location = a.location
                AND b.id > a.id
                AND tstzrange(a.start_time, greatest(a.start_time, a.end_time))
                    && tstzrange(b.start_time, greatest(b.start_time, b.end_time))
 WHERE a.location <> 'online';
