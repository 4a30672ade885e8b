#!/usr/bin/env bats
# Seeding: what the files say is what the database has, and what is said when it cannot be.

load helper

setup_file ()
{
  e2e_begin
  pg_start_all
}
teardown_file () { e2e_end; }

# The tables of a small shop: generated keys of all kinds, references, an enum, arrays, jsonb.
readonly SHOP="
CREATE TYPE tier AS ENUM ('none', 'basic', 'full');
CREATE TABLE roles (id serial PRIMARY KEY, name text UNIQUE NOT NULL, description text);
CREATE TABLE permissions (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, resource text NOT NULL,
                          action text NOT NULL, UNIQUE (resource, action));
CREATE TABLE role_permissions (role_id int NOT NULL REFERENCES roles, permission_id bigint NOT NULL
                               REFERENCES permissions ON DELETE CASCADE, PRIMARY KEY (role_id, permission_id));
CREATE TABLE currencies (code char(3) PRIMARY KEY, name text NOT NULL);
CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid (), email text NOT NULL UNIQUE, full_name text,
                    kyc_tier tier NOT NULL DEFAULT 'none', role_id int REFERENCES roles,
                    referred_by uuid REFERENCES users, tags text[] NOT NULL DEFAULT '{}', settings jsonb,
                    phone text, created_at timestamptz NOT NULL DEFAULT now ());
CREATE TABLE wallets (id bigserial PRIMARY KEY, user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
                      currency char(3) NOT NULL REFERENCES currencies,
                      balance numeric(12,2) NOT NULL DEFAULT 0 CONSTRAINT wallets_not_negative CHECK (balance >= 0),
                      UNIQUE (user_id, currency));"

# An empty database “shop” with the tables $2 of the major version $1 (default: the first), and a project for it.
new_shop ()
{
  MAJOR=${1:-$(pg_majors | head -n 1)}
  project_new "project: shop
environments:
  development: {url: \"$(pg_url "$MAJOR" shop)\"}
  testing: {url: \"$(pg_url "$MAJOR" shop)\"}
  production: {url: \"$(pg_url "$MAJOR" shop)\", protected: true}"
  pg_sql "$MAJOR" postgres "DROP DATABASE IF EXISTS shop"
  pg_sql "$MAJOR" postgres "CREATE DATABASE shop"
  sql "${2:-$SHOP}"
  mkdir -p seeds/common seeds/development
}

setup () { new_shop; }

sql () { pg_sql "$MAJOR" shop "$1"; }

# file NAME LINES...: a file below seeds/.
file () { printf '%s\n' "${@:2}" > "seeds/$1"; }

seed () { run_keel seed development "$@"; }

five_tables ()
{
  file seeds.yaml 'keys: {roles: name, permissions: [resource, action], users: email, wallets: [user, currency]}' \
    'essential: [roles, permissions, role_permissions]' 'expect: {roles: 2}' \
    'environments:' '  development: {expect: {users: 3, wallets: {where: "balance > 0", count: 1}}}'
  file common/05_roles.csv 'name,description' 'admin,Runs it' 'user,'
  file common/04_permissions.json '[{"resource": "wallet", "action": "refund"}, {"resource": "user", "action": "ban"}]'
  file common/01_role_permissions.csv 'role,permission.resource,permission.action' 'admin,wallet,refund' \
    'admin,user,ban'
  file common/01_currencies.csv 'code,name' 'NGN,Naira' 'USD,Dollar'
  printf '\xef\xbb\xbf' > seeds/development/10_users.csv
  printf '%s\r\n' 'email,full_name,kyc_tier,role,referred_by,tags,settings' \
    $'ada@example.org,"Ada, the\n""first""",full,admin,cy@example.org,"{vip,early}","{""theme"": ""dark""}"' \
    'bob@example.org,,none,user,ada@example.org,{},' 'cy@example.org,"",basic,user,,{},' \
    >> seeds/development/10_users.csv
  file development/11_wallets.json '[{"user": "ada@example.org", "currency": "NGN", "balance": 100.10},' \
    ' {"user": "bob@example.org", "currency": "USD"}]'
}

# Everything that a second run must not touch: rows with their places, statistics of writes, sequences.
state ()
{
  sql "SELECT string_agg (md5 (t::text), ',' ORDER BY t::text) FROM (
         SELECT 'r', ctid, xmin, roles::text FROM roles UNION ALL SELECT 'p', ctid, xmin, permissions::text FROM permissions
         UNION ALL SELECT 'u', ctid, xmin, users::text FROM users UNION ALL SELECT 'w', ctid, xmin, wallets::text FROM wallets
         UNION ALL SELECT 'l', ctid, xmin, l::text FROM pgkeel.seed_row l) t;
       SELECT last_value FROM roles_id_seq; SELECT last_value FROM permissions_id_seq;
       SELECT last_value FROM wallets_id_seq; SELECT last_value FROM pgkeel.seed_row_id_seq"
}

@test "sets are loaded in the order of their keys, and a second run writes nothing, on every major version" {
  local major before
  for major in $(pg_majors); do
    new_shop "$major"
    five_tables
    seed --validate
    assert_status 0
    assert_stdout "13 inserted, 0 updated, 0 removed, 0 unchanged"
    assert_stdout "3 of 3 expectations hold"
    [ "$(sql "SELECT u.full_name, u.kyc_tier, r.name, f.email, u.tags[2], u.settings ->> 'theme'
                FROM users u JOIN roles r ON r.id = role_id JOIN users f ON f.id = u.referred_by
               WHERE u.email LIKE 'ada%'")" = $'Ada, the\n"first"|full|admin|cy@example.org|early|dark' ]
    [ "$(sql "SELECT full_name IS NULL, settings IS NULL FROM users WHERE email LIKE 'bob%'")" = "t|t" ]
    [ "$(sql "SELECT full_name = '' FROM users WHERE email LIKE 'cy%'")" = "t" ]
    [ "$(sql "SELECT string_agg (balance::text, ' ' ORDER BY id) FROM wallets")" = "100.10 0.00" ]
    [ "$(sql "SELECT count(*) FROM role_permissions JOIN permissions p ON p.id = permission_id")" = 2 ]
    before=$(state)
    seed --validate --json
    assert_status 0
    assert_json '.written == 0 and ([.tables[].unchanged] | add) == 13 and (.expectations | all(.holds))'
    [ "$(state)" = "$before" ]
  done
}

@test "an environment's rows are added to the common ones, and override them column by column" {
  five_tables
  file common/20_users.csv 'email,full_name,phone,kyc_tier' 'bob@example.org,Bob of all,1,full' 'dee@example.org,Dee,2,basic'
  seed
  assert_status 0
  [ "$(sql "SELECT full_name, phone, kyc_tier FROM users WHERE email LIKE 'bob%'")" = "|1|none" ]
  [ "$(sql "SELECT full_name, phone FROM users WHERE email LIKE 'dee%'")" = "Dee|2" ]
  [ "$(sql "SELECT count(*) FROM users")" = 4 ]
  # The same in JSON, where each row says what it says.
  file development/10_users.csv 'email' 'ada@example.org'
  file development/11_wallets.json '[]'
  file development/12_users.json '[{"email": "bob@example.org", "full_name": "Bob"}, {"email": "cy@example.org", "tags": ["a", "b,c", null]}]'
  seed --json
  assert_status 0
  [ "$(sql "SELECT full_name, phone, kyc_tier FROM users WHERE email LIKE 'bob%'")" = "Bob|1|full" ]
  [ "$(sql "SELECT tags FROM users WHERE email LIKE 'cy%'")" = '{a,"b,c",NULL}' ]
  # Its wallets went, as no file has them any more.
  assert_json '.tables[] | select(.table == "wallets") | .retracted == 2'
}

@test "what somebody changed in a seeded row is set back; what the files do not say is left alone" {
  five_tables
  seed
  assert_status 0
  sql "UPDATE users SET full_name = 'Bobby', phone = '+1' WHERE email LIKE 'bob%'"
  seed --json
  assert_status 0
  assert_json '.written == 1 and (.tables[] | select(.table == "users") | .updated == 1 and .unchanged == 2)'
  [ "$(sql "SELECT full_name IS NULL, phone FROM users WHERE email LIKE 'bob%'")" = "t|+1" ]
}

@test "rows that left the files go, if they are pgkeel's and nobody changed them or refers to them" {
  five_tables
  file development/10_users.csv 'email,full_name' 'ada@example.org,Ada' 'bob@example.org,Bob' 'cy@example.org,Cy' \
    'dee@example.org,Dee' 'eve@example.org,Eve'
  sql "INSERT INTO users (email, full_name) VALUES ('eve@example.org', 'Eve')"
  seed
  assert_status 0
  sql "INSERT INTO wallets (user_id, currency) SELECT id, 'NGN' FROM users WHERE email LIKE 'cy%';
       UPDATE users SET phone = '1' WHERE email LIKE 'dee%'"
  # Bob goes with his seeded wallet. Cy has one that somebody made (the key would CASCADE), Dee was changed,
  # Eve was there before.
  file development/10_users.csv 'email,full_name' 'ada@example.org,Ada'
  file development/11_wallets.json '[{"user": "ada@example.org", "currency": "NGN", "balance": 100.10}]'
  seed --json
  assert_status 0
  assert_json '(.tables[] | select(.table == "users") | .retracted == 1 and .kept == 2)
    and (.tables[] | select(.table == "wallets") | .retracted == 1 and .kept == 0)
    and (.kept | length == 2)
    and (.kept[] | select(.key.email == "cy@example.org") | .reason == "rows of wallets refer to it")
    and (.kept[] | select(.key.email == "dee@example.org") | .reason == "it was changed since it was seeded")'
  [ "$(sql "SELECT string_agg (email, ' ' ORDER BY email) FROM users")" = "ada@example.org cy@example.org dee@example.org eve@example.org" ]
  [ "$(sql "SELECT count(*) FROM wallets")" = 2 ]
  # Without the wallet Cy can go, and so says the text for people.
  sql "DELETE FROM wallets USING users u WHERE u.id = user_id AND u.email LIKE 'cy%'"
  seed
  assert_status 0
  assert_stdout 'kept in users: {"email": "dee@example.org"}: it was changed since it was seeded'
  assert_stdout "1 removed"
  [ "$(sql "SELECT count(*) FROM users WHERE email LIKE 'cy%'")" = 0 ]
  # A whole file that is gone takes its rows with it; what others still refer to waits for them.
  rm seeds/common/01_currencies.csv seeds/common/01_role_permissions.csv seeds/development/11_wallets.json
  seed --json
  assert_status 0
  assert_json '([.tables[].retracted] | add) == 5'
  [ "$(sql "SELECT (SELECT count(*) FROM currencies), (SELECT count(*) FROM role_permissions)")" = "0|0" ]
}

@test "a row that gets another key makes room for itself" {
  new_shop "" "CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE NOT NULL, handle text UNIQUE NOT NULL);
               CREATE TABLE posts (id serial PRIMARY KEY, slug text UNIQUE NOT NULL, user_id int NOT NULL REFERENCES users)"
  file seeds.yaml 'keys: {users: email, posts: slug}'
  file common/users.csv 'email,handle' 'ada@example.org,ada' 'bob@example.org,bob'
  file common/posts.csv 'slug,user' 'one,ada@example.org'
  seed
  assert_status 0
  file common/users.csv 'email,handle' 'ada@example.com,ada2' 'bob@example.com,bob'
  file common/posts.csv 'slug,user' 'one,ada@example.com'
  seed
  assert_status 0
  assert_stdout "2 inserted, 1 updated, 2 removed"
  [ "$(sql "SELECT email, handle FROM users ORDER BY email")" = $'ada@example.com|ada2\nbob@example.com|bob' ]
  # Two rows that swap what only one may have: the one that comes first gets its place freed.
  file common/posts.csv 'slug,user' 'two,bob@example.com'
  seed
  assert_status 0
  assert_stdout "1 inserted, 0 updated, 1 removed"
}

@test "circles: a deferrable key waits, a nullable one is filled in later, rows may refer to their own table" {
  new_shop "" "
    CREATE TABLE teams (id serial PRIMARY KEY, name text UNIQUE NOT NULL, lead_id int NOT NULL);
    CREATE TABLE people (id serial PRIMARY KEY, name text UNIQUE NOT NULL, team_id int NOT NULL REFERENCES teams,
                         boss_id int NOT NULL REFERENCES people);
    ALTER TABLE teams ADD FOREIGN KEY (lead_id) REFERENCES people DEFERRABLE;
    CREATE TABLE shops (id serial PRIMARY KEY, name text UNIQUE NOT NULL, main_till_id int);
    CREATE TABLE tills (id serial PRIMARY KEY, name text UNIQUE NOT NULL, shop_id int NOT NULL REFERENCES shops);
    ALTER TABLE shops ADD FOREIGN KEY (main_till_id) REFERENCES tills;
    CREATE TABLE nodes (id serial PRIMARY KEY, parent_id int REFERENCES nodes, name text NOT NULL);
    CREATE UNIQUE INDEX ON nodes (coalesce (parent_id, 0), name)"
  file seeds.yaml 'keys: {teams: name, people: name, shops: name, tills: name, nodes: [parent, name]}'
  file common/teams.csv 'name,lead' 'red,ada' 'blue,bob'
  file common/people.csv 'name,team,boss' 'bob,blue,ada' 'ada,red,ada'
  file common/shops.csv 'name,main_till' 'north,n1' 'south,'
  file common/tills.csv 'name,shop' 'n1,north' 's1,south'
  file common/nodes.json '[{"name": "c", "parent": {"name": "b", "parent": {"name": "a", "parent": null}}},
    {"name": "b", "parent": {"name": "a", "parent": null}}, {"name": "a", "parent": null}]'
  seed
  assert_status 0
  [ "$(sql "SELECT p.name, l.name, b.name FROM people p JOIN teams t ON t.id = team_id JOIN people l ON l.id = t.lead_id
              JOIN people b ON b.id = p.boss_id ORDER BY 1")" = $'ada|ada|ada\nbob|bob|ada' ]
  [ "$(sql "SELECT s.name, t.name FROM shops s LEFT JOIN tills t ON t.id = main_till_id ORDER BY 1")" = $'north|n1\nsouth|' ]
  [ "$(sql "SELECT n.name, p.name FROM nodes n LEFT JOIN nodes p ON p.id = n.parent_id ORDER BY 1")" = $'a|\nb|a\nc|b' ]
  seed --json
  assert_status 0
  assert_json '.written == 0'
  file common/shops.csv 'name,main_till' 'north,' 'south,s1'
  seed --json
  assert_status 0
  assert_json '.written == 2'
  # All of it out again, circles and trees.
  for table in teams people shops tills; do head -n 1 "seeds/common/$table.csv" > x; mv x "seeds/common/$table.csv"; done
  file common/nodes.json '[]'
  sql "ALTER TABLE teams ALTER lead_id DROP NOT NULL"
  seed --json
  assert_status 0
  assert_json '[.tables[] | select(.table == "nodes") | .retracted] == [3]'
}

@test "a circle that no row can begin is an error" {
  new_shop "" "CREATE TABLE a (id int PRIMARY KEY, b_id int NOT NULL); CREATE TABLE b (id int PRIMARY KEY, a_id int NOT NULL REFERENCES a);
               ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b"
  file common/a.csv 'id,b' '1,1'
  file common/b.csv 'id,a' '1,1'
  seed
  assert_error 2 "the tables a, b refer to each other in a circle that no row can begin" "DEFERRABLE"
}

@test "names, schemas, tenants, domains, identity, generated columns, partitions, citext, numbers" {
  new_shop "" "
    CREATE SCHEMA app; CREATE EXTENSION citext SCHEMA app; CREATE DOMAIN app.percent AS numeric(5,2) CHECK (VALUE BETWEEN 0 AND 100);
    CREATE TABLE app.tenants (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name app.citext NOT NULL UNIQUE);
    CREATE TABLE app.users (tenant_id int NOT NULL REFERENCES app.tenants, id serial, email app.citext NOT NULL, share app.percent,
                            double_share numeric GENERATED ALWAYS AS (share * 2) STORED, big numeric, PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, email));
    CREATE TABLE app.\"Order Lines\" (tenant_id int NOT NULL REFERENCES app.tenants, user_id int NOT NULL, no int NOT NULL, \"The Note\" varchar(5), at timestamp(0),
                            FOREIGN KEY (tenant_id, user_id) REFERENCES app.users, PRIMARY KEY (tenant_id, user_id, no)) PARTITION BY HASH (no);
    CREATE TABLE app.lines_0 PARTITION OF app.\"Order Lines\" FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE app.lines_1 PARTITION OF app.\"Order Lines\" FOR VALUES WITH (MODULUS 2, REMAINDER 1)"
  file seeds.yaml 'keys:' '  app.tenants: name' '  app.users: [tenant, email]' '  app.Order Lines: [tenant_id, user, no]'
  file common/1_app.tenants.csv 'name' 'Acme' 'Bolt'
  file common/2_app.users.json '[{"tenant": "acme", "email": "Ada@x.org", "share": 12.345, "big": 123456789012345678901234567890.12},
    {"tenant": "BOLT", "email": "ada@x.org", "share": 100}]'
  file 'common/3_app.Order Lines.csv' 'tenant,user,no,The Note,at' 'acme,ADA@x.org,1,abc,2025-01-01 10:00:00.7' 'bolt,ada@x.org,2,"",'
  seed
  assert_status 0
  [ "$(sql "SELECT t.name, u.email, share, double_share, big FROM app.users u JOIN app.tenants t ON t.id = tenant_id ORDER BY 1")" = \
    $'Acme|Ada@x.org|12.35|24.70|123456789012345678901234567890.12\nBolt|ada@x.org|100.00|200.00|' ]
  [ "$(sql "SELECT t.name, no, \"The Note\", at FROM app.\"Order Lines\" JOIN app.tenants t ON t.id = tenant_id ORDER BY 1")" = \
    $'Acme|1|abc|2025-01-01 10:00:01\nBolt|2||' ]
  seed --json
  assert_status 0
  assert_json '.written == 0'
  # The same to the server, but not what the file says.
  file common/1_app.tenants.csv 'name' 'ACME' 'Bolt'
  seed --json
  assert_status 0
  assert_json '.written == 1'
  # An id of its own moves the sequence along.
  sql "CREATE TABLE plain (id serial PRIMARY KEY, name text)"
  file common/4_plain.csv 'id,name' '7,seven'
  seed
  assert_status 0
  [ "$(sql "INSERT INTO plain (name) VALUES ('next') RETURNING id")" = 8 ]
}
