--! Previous: sha1:7eea495dc353562a348bfc784f21a6b6a2f1a40b
--! Hash: sha1:041391012c1e5bb7af700e4731a80303d1e1327c
--! Message: user-names

ALTER TABLE users ADD COLUMN name text;
UPDATE users SET name = split_part (email, '@', 1) WHERE name IS NULL;
ALTER TABLE users ALTER COLUMN name SET NOT NULL;
