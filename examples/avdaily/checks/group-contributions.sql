-- id: group-contributions
-- severity: error
-- category: consistency
-- why: Members and groups must agree on who has paid how much, or a payout is short.
SELECT 'group' AS level, g.id AS group_id, NULL AS user_id, g.total_contributed,
       coalesce(sum(c.amount), 0) AS contributions_say
  FROM groups g
  LEFT JOIN contributions c ON c.group_id = g.id
 GROUP BY g.id
HAVING g.total_contributed <> coalesce(sum(c.amount), 0)
UNION ALL
SELECT 'member', m.group_id, m.user_id, m.total_contributed, coalesce(sum(c.amount), 0)
  FROM group_members m
  LEFT JOIN contributions c ON c.group_id = m.group_id AND c.user_id = m.user_id
 GROUP BY m.group_id, m.user_id
HAVING m.total_contributed <> coalesce(sum(c.amount), 0);
