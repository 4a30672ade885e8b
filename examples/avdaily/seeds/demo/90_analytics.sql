-- What the nightly job would have worked out. Runs after all tables, as it is named after none.
INSERT INTO user_analytics (user_id, transaction_count, total_deposits, total_saved, active_plans,
                            groups_joined, calculated_at)
SELECT u.id,
       (SELECT count(*) FROM transactions t WHERE t.user_id = u.id),
       (SELECT coalesce(sum(t.amount), 0) FROM transactions t
         WHERE t.user_id = u.id AND t.type = 'deposit' AND t.status = 'completed'),
       (SELECT coalesce(sum(p.saved_amount), 0) FROM savings_plans p WHERE p.user_id = u.id),
       (SELECT count(*) FROM savings_plans p WHERE p.user_id = u.id AND p.status = 'active'),
       (SELECT count(*) FROM group_members m WHERE m.user_id = u.id),
       timestamptz '2025-07-01 02:00:00+00'
  FROM users u
ON CONFLICT (user_id) DO UPDATE
   SET transaction_count = excluded.transaction_count,
       total_deposits = excluded.total_deposits,
       total_saved = excluded.total_saved,
       active_plans = excluded.active_plans,
       groups_joined = excluded.groups_joined,
       calculated_at = excluded.calculated_at;
