-- Revert shop:index_orders_user to pg

DROP INDEX CONCURRENTLY orders_user_id;
