-- id: group-members-without-group
-- severity: error
-- category: orphans
-- why: A member of a group that is gone waits for a payout that will not come.
-- fix: DELETE FROM group_members m WHERE NOT EXISTS (SELECT FROM groups g WHERE g.id = m.group_id)
SELECT m.group_id, m.user_id, m.total_contributed
  FROM group_members m
 WHERE NOT EXISTS (SELECT FROM groups g WHERE g.id = m.group_id);
