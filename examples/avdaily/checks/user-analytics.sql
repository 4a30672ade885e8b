-- id: user-analytics
-- severity: warning
-- category: consistency
-- why: The first page shows users figures about their own money; wrong ones cost trust.
SELECT a.user_id, a.transaction_count, t.transaction_count AS actual_transactions,
       a.total_deposits, t.total_deposits AS actual_deposits,
       a.total_saved, p.total_saved AS actual_saved,
       a.active_plans, p.active_plans AS actual_plans,
       a.groups_joined, g.groups_joined AS actual_groups
  FROM user_analytics a
  LEFT JOIN LATERAL (SELECT count(*) AS transaction_count,
                            coalesce(sum(amount) FILTER (WHERE type = 'deposit'
                                                           AND status = 'completed'), 0)
                              AS total_deposits
                       FROM transactions WHERE user_id = a.user_id) t ON true
  LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE status = 'active') AS active_plans,
                            coalesce(sum(saved_amount), 0) AS total_saved
                       FROM savings_plans WHERE user_id = a.user_id) p ON true
  LEFT JOIN LATERAL (SELECT count(*) AS groups_joined
                       FROM group_members WHERE user_id = a.user_id) g ON true
 WHERE (a.transaction_count, a.total_deposits, a.total_saved, a.active_plans, a.groups_joined)
       <> (t.transaction_count, t.total_deposits, p.total_saved, p.active_plans, g.groups_joined);
