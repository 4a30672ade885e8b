-- id: savings-plan-amounts
-- severity: error
-- category: consistency
-- why: What a plan has saved is what was paid in, less what was taken out.
SELECT p.id, p.user_id, p.name, p.saved_amount, coalesce(-sum(t.signed_amount), 0) AS transactions_say
  FROM savings_plans p
  LEFT JOIN transactions t ON t.savings_plan_id = p.id AND t.status = 'completed'
 GROUP BY p.id
HAVING p.saved_amount <> coalesce(-sum(t.signed_amount), 0);
