-- Revert shop:users to pg

BEGIN;

DROP TABLE users;

COMMIT;
