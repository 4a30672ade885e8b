-- id: registration-outcome
-- severity: error
-- category: rules
-- why: An approved request has its account, with the role that was approved; any other has none.
SELECT r.id, r.username, r.status, r.role, u.id AS user_id, u.role AS user_role, u.email
  FROM registration_request r
  LEFT JOIN "user" u ON u.id = r.user_id
 WHERE (r.status = 'APPROVED' AND u.id IS NULL)
    OR (r.status <> 'APPROVED' AND r.user_id IS NOT NULL)
    OR (r.status = 'APPROVED' AND u.role <> r.role)
    OR (r.status = 'APPROVED' AND u.username <> r.username);
