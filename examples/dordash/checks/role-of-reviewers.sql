-- id: role-of-reviewers
-- severity: critical
-- category: rules
-- why: Who may decide about accounts may make themselves anything.
SELECT r.id, r.username, r.role AS asked_for, u.username AS reviewed_by, u.role AS reviewer_role
  FROM registration_request r
  JOIN "user" u ON u.id = r.reviewed_by
 WHERE u.role NOT IN ('SECRETARY', 'ADMIN')
    OR (r.role = 'ADMIN' AND u.role <> 'ADMIN')
    OR r.user_id = r.reviewed_by;
