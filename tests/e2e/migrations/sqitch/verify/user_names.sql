-- Verify shop:user_names to pg

BEGIN;

SELECT name FROM users WHERE false;

ROLLBACK;
