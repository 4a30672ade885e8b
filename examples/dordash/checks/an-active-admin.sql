-- id: an-active-admin
-- severity: critical
-- category: rules
-- why: Without an active administrator nobody can let anybody in.
SELECT count(*) AS users, count(*) FILTER (WHERE role = 'ADMIN') AS admins
  FROM "user"
HAVING count(*) > 0
   AND count(*) FILTER (WHERE role = 'ADMIN' AND is_active) = 0;
