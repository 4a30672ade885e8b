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

@test "a constraint that is deferred says the row all the same" {
  new_shop "" "
    CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE carts (id int PRIMARY KEY, owner_id bigint REFERENCES people DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE a (id int PRIMARY KEY, b_id int NOT NULL);
    CREATE TABLE b (id int PRIMARY KEY, a_id int NOT NULL REFERENCES a);
    ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b DEFERRABLE"
  file common/people.csv 'id,name' '1,ada' '2,bob'
  file common/carts.csv 'id,owner_id' '10,1' '11,' '12,7'
  seed
  assert_error 2 'seeds/common/carts.csv:4:4: “owner_id” refers to a row of people that is not there: 7'
  file common/carts.csv 'id,owner_id' '10,1' '11,'
  file common/people.csv 'id,name' '1,ada' '2,bob' '3,ada'
  seed
  assert_error 5 'seeds/common/people.csv:2:3: “name”: duplicate key value violates unique constraint'
  file common/people.csv 'id,name' '1,ada' '2,bob'
  file common/a.csv 'id,b_id' '1,1'
  file common/b.csv 'id,a_id' '1,1'
  # A script takes away what the row of a file refers to.
  file common/90_more.sql 'DELETE FROM people WHERE id = 1'
  seed
  assert_error 5 'seeds/common/carts.csv:2:4: “owner_id”: insert or update on table "carts" violates foreign key'
  assert_stderr 'Key (owner_id)=(1) is not present'
  rm seeds/common/90_more.sql
  seed
  assert_status 0
  # A script's row has no place; the server's words stand.
  file common/90_more.sql 'INSERT INTO carts VALUES (99, 99)'
  seed
  assert_error 5 'insert or update on table "carts" violates foreign key'
  [ "$(sql 'SELECT count(*) FROM carts')" = 2 ]
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

@test "--clean empties the seeded tables only, says which others refer to them, and asks" {
  five_tables
  seed
  assert_status 0
  sql "INSERT INTO users (email) VALUES ('eve@example.org'); CREATE TABLE orders (id int, user_id uuid REFERENCES users);
       CREATE TABLE lines (id int, order_id int); ALTER TABLE orders ADD PRIMARY KEY (id);
       ALTER TABLE lines ADD FOREIGN KEY (order_id) REFERENCES orders; INSERT INTO orders VALUES (1, NULL)"
  seed --clean --yes
  assert_error 3 "tables that refer to the seeded ones: lines (0 rows), orders (1 row)" "clean: in seeds.yaml"
  [ "$(sql "SELECT count(*) FROM users")" = 4 ]
  printf 'clean: [orders, lines]\n' >> seeds/seeds.yaml
  seed --clean < /dev/null
  assert_error 3 "" "--yes"
  seed --clean --dry-run
  assert_status 0
  assert_stderr "would empty currencies (2 rows)"
  [ "$(sql "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders)")" = "4|1" ]
  seed --clean --yes --confirm=other
  assert_error 3 "--confirm=other was given, but this would empty tables of the database"
  # What others share wants the name.
  sed -i 's/^  testing:/  staging:/' pgkeel.yaml
  mv seeds/development seeds/staging
  run_keel seed staging --clean --yes < /dev/null
  assert_error 3 "there is no terminal to confirm on" "give --confirm=shop"
  mv seeds/staging seeds/development
  [ "$(sql "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders)")" = "4|1" ]
  seed --clean --yes --json
  assert_status 0
  assert_json '(.cleaned | sort) == (["currencies","lines","orders","permissions","role_permissions","roles","users","wallets"])
    and .written == 13'
  [ "$(sql "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders), (SELECT max (id) FROM roles)")" = "3|0|2" ]
  seed --json
  assert_json '.written == 0'
}

@test "--minimal loads what is essential, and takes nothing else away" {
  five_tables
  seed --minimal --json
  assert_status 0
  assert_json '[.tables[].table] == ["permissions", "roles", "role_permissions"]'
  [ "$(sql "SELECT count(*) FROM users")" = 0 ]
  seed
  assert_status 0
  rm seeds/development/11_wallets.json
  file common/01_role_permissions.csv 'role,permission.resource,permission.action' 'admin,user,ban'
  seed --minimal --json
  assert_status 0
  assert_json '([.tables[].retracted] | add) == 1'
  [ "$(sql "SELECT count(*) FROM wallets")" = 2 ]
}

@test "--dry-run shows the same, and changes nothing" {
  five_tables
  file development/20_extra.sql "INSERT INTO users (email) VALUES ('extra@example.org')"
  seed --dry-run --json
  assert_status 0
  assert_json '.dry_run and .written == 14 and .scripts[0].run'
  [ "$(sql "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM pg_namespace WHERE nspname = 'pgkeel')")" = "0|0" ]
  [ ! -e .pgkeel/audit.jsonl ]
  seed -n
  assert_stdout "all of it was taken back"
  seed --json
  assert_json '.dry_run == false and .written == 14'
}

@test "an expectation that does not hold takes everything back" {
  five_tables
  printf '    testing: {}\n' > x
  sed -i 's/users: 3/users: {min: 4}/' seeds/seeds.yaml
  seed
  assert_status 0
  sql "TRUNCATE users, wallets, roles, role_permissions, pgkeel.seed_row"
  seed --validate
  assert_error 1 "1 of 3 expectations of seeds/seeds.yaml do not hold"
  assert_stderr "users: 3, expected at least 4"
  [ "$(sql "SELECT count(*) FROM users")" = 0 ]
  seed --validate --json
  assert_status 1
  assert_json '.error.kind == "answer-no" and (.expectations[] | select(.table == "users") | .holds == false and .count == 3)'
  sed -i 's/balance > 0/blance > 0/' seeds/seeds.yaml
  seed --validate
  assert_error 2 'seeds/seeds.yaml:5:52: the expectation of wallets cannot be counted: column "blance" does not exist'
}

@test "--validate runs the integrity checks on the rows as they would be" {
  five_tables
  mkdir checks
  printf '%s\n' '-- id: nobody-is-rich' '-- severity: error' '-- category: rules' '-- why: Rich users are not for tests.' \
    'SELECT id, balance FROM public.wallets WHERE balance > 100' > checks/rich.sql
  seed --validate
  assert_error 1 "the integrity checks have 1 finding of severity error or critical"
  assert_stderr "nobody-is-rich"
  [ "$(sql "SELECT count(*) FROM users")" = 0 ]
  sed -i 's/> 100/> 1000/' checks/rich.sql
  seed --validate
  assert_status 0
  assert_stdout "integrity: no errors; looked at: "
  seed --validate --json
  assert_json '.integrity.findings == 0 and .integrity.checks > 5'
}

@test "production is never seeded: by its name, its stamp, a copy of it, or its URL" {
  five_tables
  run_keel seed production --yes
  assert_error 3 "seeds are not for production" "migration"
  run_keel seed development -e testing
  assert_error 2 "mean different environments"
  run_keel -e production env stamp --yes --confirm shop
  assert_status 0
  # The project file says that it is the development database; the database knows better.
  seed --clean --yes
  assert_error 3 'the database is stamped “production” of project “shop”: production is never seeded'
  grep -q '"action":"seed","phase":"refused"' .pgkeel/audit.jsonl
  # As if it had been restored somewhere else.
  sql "UPDATE pgkeel.identity SET system_identifier = '1', environment = 'prod'"
  seed
  assert_error 3 'production is never seeded' 'It is a copy'
  sql "DROP SCHEMA pgkeel CASCADE"
  pg_sql "$MAJOR" postgres "DROP DATABASE IF EXISTS shop_prod"
  pg_sql "$MAJOR" postgres "CREATE DATABASE shop_prod"
  sed -i 's|@/shop?|@/shop_prod?|' pgkeel.yaml
  seed
  assert_error 3 'looks like production, and the database has no stamp' 'pgkeel env stamp'
  [ "$(pg_sql "$MAJOR" shop_prod "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgkeel'")" = 0 ]
}

# bad FILE PLACE-AND-MESSAGE [CODE]: seeding fails with it, and nothing is there afterwards.
bad ()
{
  seed
  assert_error "${3:-2}" "pgkeel: seeds/$1:$2"
  [ "$(sql "SELECT (SELECT count(*) FROM roles), (SELECT count(*) FROM users), (SELECT count(*) FROM wallets)")" = "0|0|0" ]
}

@test "what is wrong in a file is told with its place, and nothing is loaded" {
  local head='email,full_name,role'
  five_tables
  # The form of CSV.
  file development/10_users.csv "$head" 'ada@example.org,Ada'
  bad development/10_users.csv '2:17: the row has 2 of 3 fields: “role” is missing'
  file development/10_users.csv "$head" 'ada@example.org,Ada,admin,'
  bad development/10_users.csv '2:27: the row has 4 fields, and the header 3'
  file development/10_users.csv "$head" 'ada@example.org,"Ada' 'x,y'
  bad development/10_users.csv '2:17: the quotes that begin here are not closed'
  file development/10_users.csv "$head" 'ada@example.org,Ada "A",admin'
  bad development/10_users.csv '2:21: a quote within a field that has none around it'
  file development/10_users.csv 'email,email' 'a,b'
  bad development/10_users.csv '1:7: column “email” is there twice'
  printf 'email,full_name\nada@example.org,\xff\n' > seeds/development/10_users.csv
  bad development/10_users.csv '2:17: a byte that is not UTF-8 text'
  # The form of JSON.
  rm seeds/development/10_users.csv
  file development/10_users.json '{"email": "a"}'
  bad development/10_users.json '1:1: the file must be a list of objects'
  file development/10_users.json '[{"email": "a"},' ' {"email": "b", "email": "c"}]'
  bad development/10_users.json '2:'
  file development/10_users.json '[{"email": "a"},' ' {"email": nul}]'
  bad development/10_users.json '2:'
  assert_stderr "not valid JSON"
  file development/10_users.json '[{"email": "a"}' ' {"email": "b"}]'
  bad development/10_users.json '2:2: a comma or ] must follow the object'
  file development/10_users.json '[{"email": "a", "full_name": ["A"]}]'
  bad development/10_users.json '1:17: column full_name is of type text, and a list is no value of it'
  rm seeds/development/10_users.json
  # Names.
  file development/10_users.csv 'email,ful_name' 'ada@example.org,Ada'
  bad development/10_users.csv '1:7: table users has no column “ful_name”, and no reference'
  # shellcheck disable=SC1111
  assert_stderr "hint: Did you mean “full_name”?"
  file development/10_users.csv 'full_name' 'Ada'
  bad development/10_users.csv '1:1: column “email” is missing, by which rows of users are known'
  file development/10_users.csv 'email,role,role_id' 'ada@example.org,admin,1'
  bad development/10_users.csv '1:12: column role_id of users is written twice, under two names'
  file development/10_users.csv 'email,full_name.x' 'ada@example.org,1'
  bad development/10_users.csv '1:7: column full_name of users is not a foreign key'
  # Values.
  file development/10_users.csv 'email,kyc_tier' 'ada@example.org,full' 'bob@example.org,gold'
  bad development/10_users.csv '3:17: “kyc_tier”: invalid input value for enum tier: "gold"'
  file development/10_users.csv 'email,settings' 'ada@example.org,{}' '"bob@example.org",{"a'
  bad development/10_users.csv '3:20: a quote within a field'
  file development/10_users.csv 'email,settings' 'ada@example.org,{}' '"bob@example.org",{a}'
  bad development/10_users.csv '3:19: “settings”: invalid input syntax for type json'
  file development/10_users.csv 'email,created_at' 'ada@example.org,2025-02-30'
  bad development/10_users.csv '2:17: “created_at”: date/time field value out of range: "2025-02-30"'
  # References and keys.
  file development/10_users.csv "$head" 'ada@example.org,Ada,admin' 'bob@example.org,Bob,boss'
  bad development/10_users.csv '3:21: “role” refers to a row of roles that is not there: boss'
  file development/10_users.csv 'email,referred_by' 'ada@example.org,zed@example.org'
  bad development/10_users.csv '2:17: “referred_by” refers to a row of users that is not there: zed@example.org'
  file development/10_users.csv 'email,phone,referred_by.phone' 'a,1,' 'b,1,' 'c,2,1'
  bad development/10_users.csv '4:5: “referred_by” refers to more than one row of users: 1'
  file development/10_users.csv "$head" 'ada@example.org,Ada,admin' 'bob@example.org,Bob,' 'ada@example.org,Ada,'
  bad development/10_users.csv '4:1: the row has the same key as the one at seeds/development/10_users.csv:2:1'
  file development/10_users.csv "$head" ',Ada,admin'
  bad development/10_users.csv '2:1: “email” has no value, and rows of users are known by it'
  # Constraints.
  file development/10_users.csv 'email' 'ada@example.org' 'bob@example.org'
  file development/11_wallets.json '[{"user": "ada@example.org", "currency": "NGN", "balance": 1},' '' \
    ' {"user": "bob@example.org", "currency": "USD", "balance": -1},' ' {"user": "bob@example.org", "currency": "NGN"}]'
  bad development/11_wallets.json '3:49: “balance”: new row for relation "wallets" violates check constraint "wallets_not_negative"' 5
  file development/11_wallets.json '[{"user": "ada@example.org", "currency": "NGN", "balance": 12345678901}]'
  bad development/11_wallets.json '1:49: “balance”: numeric field overflow'
  file development/11_wallets.json '[]'
  sql "ALTER TABLE users ADD COLUMN must text NOT NULL"
  bad development/10_users.csv '2:1: column “must” of users is missing' 2
  sql "ALTER TABLE users DROP COLUMN must; CREATE UNIQUE INDEX users_phone ON users (phone)"
  file development/10_users.csv 'email,phone' 'ada@example.org,1' 'bob@example.org,2' 'cy@example.org,1'
  bad development/10_users.csv '4:16: “phone”: duplicate key value violates unique constraint "users_phone"' 5
  assert_stderr "detail: Key (phone)=(1) already exists."
  # Files.
  file development/10_users.csv 'email' 'ada@example.org' 'bob@example.org'
  file development/12_walets.csv 'id' '1'
  seed
  assert_error 2 'seeds/development/12_walets.csv: there is no table “walets”' 'Did you mean “wallets”?'
  rm seeds/development/12_walets.csv
  printf 'essential: [rolez]\n' > seeds/seeds.yaml
  seed
  assert_error 2 'seeds/seeds.yaml:1:13: there is no table and no SQL file “rolez”' 'roles'
  rm -r seeds
  seed
  assert_error 2 'there are no seeds for “development” in seeds'
}

@test "SQL files run in the transaction, in their place, once for each text" {
  five_tables
  file common/02_roles.sql "-- what the rows of other files refer to" \
    "INSERT INTO roles (name) VALUES ('sql; role') ON CONFLICT DO NOTHING;" \
    "COPY currencies (code, name) FROM stdin;" $'GBP\tPound' '\.' "SET search_path = nowhere;"
  file common/99_last.sql "DO \$\$ BEGIN ASSERT (SELECT count(*) FROM wallets) = 2; END \$\$;" \
    "UPDATE users SET phone = '9' WHERE email LIKE 'ada%';"
  file development/10_users.csv 'email,role' 'ada@example.org,sql; role' 'bob@example.org,user'
  seed
  assert_status 0
  assert_stdout "seeds/common/02_roles.sql: run, 2 rows"
  assert_stdout "seeds/common/99_last.sql: run, 1 row"
  [ "$(sql "SELECT r.name, phone FROM users JOIN roles r ON r.id = role_id WHERE email LIKE 'ada%'")" = "sql; role|9" ]
  seed --json
  assert_status 0
  assert_json '.written == 0 and (.scripts | all(.run | not))'
  file common/99_last.sql "UPDATE users SET phone = '8' WHERE email LIKE 'ada%'"
  seed --json
  assert_json '.written == 1 and (.scripts | map(.run)) == [false, true]'
  # What cannot be in the transaction is found before anything runs; faults are told with their place.
  file common/98_bad.sql "SELECT 1;" "  COMMIT;"
  seed
  assert_error 2 "seeds/common/98_bad.sql:2:3: COMMIT would end the transaction that all seeds are loaded in"
  file common/98_bad.sql "CREATE INDEX CONCURRENTLY x ON users (phone)"
  seed
  assert_error 2 "seeds/common/98_bad.sql:1:1: CREATE INDEX cannot run in the transaction"
  file common/98_bad.sql "SELECT 1;" "INSERT INTO roles (nam) VALUES ('x')"
  seed
  assert_error 5 'seeds/common/98_bad.sql:2:20: column "nam" of relation "roles" does not exist'
  file common/98_bad.sql "SET session_replication_role = replica;"
  seed
  assert_error 3 "seeds/common/98_bad.sql switches triggers and foreign keys off (session_replication_role)"
  [ "$(sql "SELECT count(*) FROM pgkeel.seed_script")" = 2 ]
}

@test "triggers have their say, and their changes are not taken for somebody's" {
  new_shop "" "CREATE TABLE notes (id serial PRIMARY KEY, name text UNIQUE, touched timestamptz, total int DEFAULT 0);
    CREATE TABLE lines (id serial PRIMARY KEY, note_id int REFERENCES notes, no int, UNIQUE (note_id, no));
    CREATE FUNCTION touch () RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := clock_timestamp (); RETURN NEW; END';
    CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION touch ();
    CREATE FUNCTION add_up () RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE notes SET total = total + 1 WHERE id = NEW.note_id; RETURN NULL; END';
    CREATE TRIGGER add_up AFTER INSERT ON lines FOR EACH ROW EXECUTE FUNCTION add_up ()"
  file seeds.yaml 'keys: {notes: name, lines: [note, no]}'
  file common/notes.csv 'name' 'one' 'two'
  file common/lines.csv 'note,no' 'one,1' 'one,2'
  seed
  assert_status 0
  [ "$(sql "SELECT total FROM notes WHERE name = 'one' AND touched IS NOT NULL")" = 2 ]
  seed --json
  assert_json '.written == 0'
  file common/notes.csv 'name'
  file common/lines.csv 'note,no'
  seed --json
  assert_json '.written == 4 and (.kept | length) == 0'
}

@test "seeds.dir of pgkeel.yaml names another folder" {
  five_tables
  mkdir db
  mv seeds db/rows
  printf 'seeds: {dir: db/rows}\n' >> pgkeel.yaml
  seed
  assert_status 0
  printf 'x\n' >> db/rows/common/05_roles.csv
  seed
  assert_error 2 "db/rows/common/05_roles.csv:4:1: the row has 1 of 2 fields"
}

@test "two runs at once: one works, the other says so; a killed one leaves nothing" {
  five_tables
  file common/99_slow.sql "SELECT pg_sleep (600)"
  "$PGKEEL" seed development > first.log 2>&1 3>&- &
  local first=$!
  wait_for 60 is_sleeping
  seed
  assert_error 6 "another run of seeds is at work in this database"
  kill -KILL "$first"
  wait "$first" || true
  pg_sql "$MAJOR" postgres "SELECT pg_terminate_backend (pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep (600)%'" > /dev/null
  rm seeds/common/99_slow.sql
  wait_for 60 is_unlocked
  [ "$(sql "SELECT count(*) FROM users")" = 0 ]
  seed
  assert_status 0
}

is_sleeping () { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep (600)%' AND state = 'active'")" = 1 ]; }
is_unlocked () { [ "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")" = 0 ]; }

@test "a hundred thousand rows: loaded, found unchanged, and one bad row found among them" {
  new_shop "" "CREATE TABLE groups (id serial PRIMARY KEY, name text UNIQUE NOT NULL);
    CREATE TABLE members (id bigserial PRIMARY KEY, email text UNIQUE NOT NULL, group_id int NOT NULL REFERENCES groups,
                          amount numeric(12,2) NOT NULL CHECK (amount >= 0), note text, at timestamptz)"
  file seeds.yaml 'keys: {groups: name, members: email}'
  { echo name; seq -f 'group %g' 100; } > seeds/common/groups.csv
  awk 'BEGIN { print "email,group,amount,note,at"
    for (i = 1; i <= 100000; i++) printf "user%d@example.org,group %d,%d.50,\"note, %d\",2025-01-01 10:00:00+00\n", i, i % 100 + 1, i, i }' \
    > seeds/common/members.csv
  run_release seed development --json
  assert_status 0
  assert_json '.written == 100100'
  run_release seed development --json
  assert_json '.written == 0'
  sql "TRUNCATE members, groups, pgkeel.seed_row RESTART IDENTITY"
  sed -i '99998s/,99997.50,/,-1,/' seeds/common/members.csv
  run_release seed development
  assert_error 5 'seeds/common/members.csv:99998:32: “amount”: new row for relation "members" violates check constraint'
  [ "$(sql "SELECT count(*) FROM members")" = 0 ]
  sed -i '99998s/,-1,/,x,/' seeds/common/members.csv
  run_release seed development
  assert_error 2 'seeds/common/members.csv:99998:32: “amount”: invalid input syntax for type numeric: "x"'
}

# With the release build: this one is about size.
run_release ()
{
  run --separate-stderr timeout --foreground "$E2E_TIMEOUT" "${PGKEEL_RELEASE:-$PGKEEL}" "$@" 3>&-
}
