-- Revert shop:user_names to pg

BEGIN;

ALTER TABLE users DROP COLUMN name;

COMMIT;
