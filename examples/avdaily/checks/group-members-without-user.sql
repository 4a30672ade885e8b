-- id: group-members-without-user
-- severity: error
-- category: orphans
-- why: A member who is gone takes a turn in the payouts and blocks a place in the group.
-- fix: DELETE FROM group_members m WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = m.user_id)
SELECT m.group_id, m.user_id, m.total_contributed
  FROM group_members m
 WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = m.user_id);
