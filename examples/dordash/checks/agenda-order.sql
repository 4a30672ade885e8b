-- id: agenda-order
-- severity: warning
-- category: rules
-- why: The items of an agenda are numbered from 1 without gaps, or one was lost.
SELECT a.meeting_id, count(*) AS items, min(a.order_index) AS first, max(a.order_index) AS last
  FROM agenda_item a
 GROUP BY a.meeting_id
HAVING min(a.order_index) <> 1
    OR max(a.order_index) <> count(*)
    OR count(DISTINCT a.order_index) <> count(*);
