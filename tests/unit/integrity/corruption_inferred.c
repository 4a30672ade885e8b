#include "corruption.h"

const Corruption corruption_inferred[] = {
  { "fk-missing",
    "CREATE TABLE categories (id int PRIMARY KEY); INSERT INTO categories VALUES (1), (2);"
    "CREATE TABLE posts (id int PRIMARY KEY, category_id bigint REFERENCES categories);"
    "INSERT INTO posts VALUES (1, 1), (2, 2)",
    "ALTER TABLE posts DROP CONSTRAINT posts_category_id_fkey", "t.posts.category_id", -1,
    "all of its 2 values", 0 },
  { "fk-missing",
    "CREATE TABLE app_user (id uuid PRIMARY KEY); INSERT INTO app_user VALUES (md5('a')::uuid);"
    "CREATE TABLE app_note (id int PRIMARY KEY, \"createdBy\" uuid REFERENCES app_user);"
    "INSERT INTO app_note SELECT 1, id FROM app_user",
    "ALTER TABLE app_note DROP CONSTRAINT \"app_note_createdBy_fkey\"", "t.app_note.createdBy", -1,
    NULL, 0 },
  { "fk-inferred-orphans",
    "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users SELECT generate_series(1, 40);"
    "CREATE TABLE logins (id int, user_id int); INSERT INTO logins SELECT g, g FROM"
    " generate_series(1, 40) g; CREATE TABLE other (user_id int); INSERT INTO other VALUES (900)",
    "DELETE FROM users WHERE id IN (3, 4)", "t.logins.user_id", 2, "2 of its 40 values", 0 },
  { "fk-inferred-orphans",
    "CREATE TABLE boxes (code text PRIMARY KEY); INSERT INTO boxes SELECT 'b' || g FROM"
    " generate_series(1, 20) g; CREATE TABLE items (box_id text); INSERT INTO items SELECT code FROM"
    " boxes",
    "INSERT INTO items VALUES ('b99')", "t.items.box_id", 1, NULL, 0 },
  { "fk-polymorphic-orphans",
    "CREATE TABLE posts (id int PRIMARY KEY); CREATE TABLE photos (id uuid PRIMARY KEY);"
    "INSERT INTO posts SELECT generate_series(1, 20); INSERT INTO photos VALUES (md5('a')::uuid);"
    "CREATE TABLE comments (id int, target_type text, target_id text);"
    "INSERT INTO comments SELECT id, 'App\\Models\\Post', id::text FROM posts;"
    "INSERT INTO comments SELECT 99, 'photo', id::text FROM photos;"
    "INSERT INTO comments VALUES (100, 'elsewhere', '5')",
    "DELETE FROM posts WHERE id = 5", "t.comments.(target_type, target_id)", 1,
    "1 of 20 rows of type", 0 },
  { "fk-array-orphans",
    "CREATE TABLE tags (id int PRIMARY KEY); INSERT INTO tags SELECT generate_series(1, 9);"
    "CREATE TABLE posts (id int, tag_ids bigint[]); INSERT INTO posts VALUES (1, '{1,2}'),"
    " (2, '{}'), (3, NULL), (4, '{NULL,9}')",
    "DELETE FROM tags WHERE id = 2", "t.posts.tag_ids", 1, NULL, 0 },
  { "hierarchy-loop",
    "CREATE TABLE nodes (id int PRIMARY KEY, parent_id int REFERENCES nodes);"
    "INSERT INTO nodes VALUES (1, NULL), (2, 1), (3, 2), (4, 3), (5, 1)",
    "UPDATE nodes SET parent_id = 4 WHERE id = 2", "t.nodes.parent_id", 3, NULL, 0 },
  { "hierarchy-loop",
    "CREATE TABLE nodes (id int PRIMARY KEY, parent_id int NOT NULL REFERENCES nodes);"
    "INSERT INTO nodes VALUES (1, 1), (2, 1), (3, 2)",
    "UPDATE nodes SET parent_id = 3 WHERE id = 2", "t.nodes.parent_id", 2, NULL, 0 },
  { "tenant-mismatch",
    "CREATE TABLE users (id int PRIMARY KEY, tenant_id int); INSERT INTO users SELECT g, g % 4 FROM"
    " generate_series(1, 40) g; CREATE TABLE notes (user_id int REFERENCES users, tenant_id int);"
    "INSERT INTO notes SELECT id, tenant_id FROM users",
    "UPDATE notes SET tenant_id = 77 WHERE user_id < 4", "t.notes.user_id", 3, "another tenant_id",
    0 },
  { "soft-deleted-parent",
    "CREATE TABLE users (id int PRIMARY KEY, deleted_at timestamptz); INSERT INTO users SELECT g,"
    " CASE WHEN g > 30 THEN now() END FROM generate_series(1, 40) g;"
    "CREATE TABLE notes (user_id int REFERENCES users, deleted_at timestamptz);"
    "INSERT INTO notes SELECT * FROM users",
    "UPDATE users SET deleted_at = now() WHERE id = 7", "t.notes.user_id", 1, NULL, 0 },
  { NULL, NULL, NULL, NULL, 0, NULL, 0 },
};
