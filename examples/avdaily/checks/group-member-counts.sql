-- id: group-member-counts
-- severity: error
-- category: rules
-- why: The count decides whether a group is full, and how many cycles it runs.
-- fix: UPDATE groups g SET member_count = (SELECT count(*) FROM group_members m WHERE m.group_id = g.id) WHERE g.member_count <> (SELECT count(*) FROM group_members m WHERE m.group_id = g.id)
SELECT g.id, g.name, g.member_count, count(m.user_id) AS members
  FROM groups g
  LEFT JOIN group_members m ON m.group_id = g.id
 GROUP BY g.id
HAVING g.member_count <> count(m.user_id);
