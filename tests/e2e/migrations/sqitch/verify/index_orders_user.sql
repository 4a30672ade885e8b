-- Verify shop:index_orders_user to pg

BEGIN;

SELECT 1 / count (*) FROM pg_class WHERE relname = 'orders_user_id';

ROLLBACK;
