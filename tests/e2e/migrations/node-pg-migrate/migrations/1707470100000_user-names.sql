-- Up Migration
ALTER TABLE users ADD COLUMN name text;
UPDATE users SET name = split_part (email, '@', 1) WHERE name IS NULL;
ALTER TABLE users ALTER COLUMN name SET NOT NULL;

-- Down Migration
ALTER TABLE users DROP COLUMN name;
