-- id: savings-plans-without-user
-- severity: critical
-- category: orphans
-- why: A savings plan whose user is gone can never be paid out.
SELECT p.id, p.user_id, p.name, p.saved_amount
  FROM savings_plans p
 WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = p.user_id);
