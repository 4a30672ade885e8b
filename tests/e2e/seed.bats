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
