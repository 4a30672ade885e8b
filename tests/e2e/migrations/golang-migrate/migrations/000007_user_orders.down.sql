BEGIN;

DROP VIEW user_orders;

COMMIT;
