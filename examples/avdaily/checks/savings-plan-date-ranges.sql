-- id: savings-plan-date-ranges
-- severity: error
-- category: rules
-- why: A plan that ends before it begins never comes due.
SELECT p.id, p.user_id, p.name, p.start_date, p.end_date
  FROM savings_plans p
 WHERE p.end_date <= p.start_date
    OR NOT isfinite(p.start_date) OR NOT isfinite(p.end_date);
