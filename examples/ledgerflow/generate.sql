-- Writes data.sql, the same bytes every time, on any PostgreSQL version:
--
--   createdb lf && psql -Xq -v ON_ERROR_STOP=1 -d lf -f schema.sql
--   psql -XqAt -v ON_ERROR_STOP=1 -d lf -f generate.sql > data.sql
--
-- The database is left empty: the rows are built in one transaction, printed, and rolled back.
-- Choices come from md5 of a key instead of random(), whose sequence changed in PostgreSQL 15.
-- The people, shops and account numbers are invented.

\set QUIET on
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
BEGIN;

-- Numbering starts at 1 even when this has run here before; like the rest, rolled back.
DO $$
DECLARE
    name regclass;
BEGIN
    FOR name IN SELECT oid FROM pg_class WHERE relkind = 'S' AND relname LIKE '%\_id\_seq' LOOP
        EXECUTE format('ALTER SEQUENCE %s RESTART', name);
    END LOOP;
END;
$$;

-- A number in [0, 1) that depends on the key alone.
CREATE FUNCTION pg_temp.pick(key text) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT ('x' || substr(md5(key), 1, 8))::bit(32)::bigint / 4294967296.0 $$;

-- A version 4 UUID that depends on the key alone.
CREATE FUNCTION pg_temp.stable_uuid(key text) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT overlay(overlay(md5(key) placing '4' from 13) placing 'a' from 17)::uuid $$;

-- Django's own rows ---------------------------------------------------------------------------

INSERT INTO django_migrations (app, name, applied)
SELECT split_part(line, '/', 1), split_part(line, '/', 2),
       timestamptz '2024-11-29 17:20:00Z' + n * interval '137 milliseconds'
         + CASE WHEN line IN ('ledger/0005_tags', 'ledger/0006_monthly_totals_view',
                              'ledger/0007_transaction_metadata_gin')
                THEN (n - 19) * interval '17 days' ELSE interval '0' END
  FROM unnest(ARRAY[
         'contenttypes/0001_initial', 'contenttypes/0002_remove_content_type_name',
         'auth/0001_initial', 'auth/0002_alter_permission_name_max_length',
         'auth/0003_alter_user_email_max_length', 'auth/0004_alter_user_username_opts',
         'auth/0005_alter_user_last_login_null', 'auth/0006_require_contenttypes_0002',
         'auth/0007_alter_validators_add_error_messages',
         'auth/0008_alter_user_username_max_length',
         'auth/0009_alter_user_last_name_max_length', 'auth/0010_alter_group_name_max_length',
         'auth/0011_update_proxy_permissions', 'auth/0012_alter_user_first_name_max_length',
         'sessions/0001_initial',
         'ledger/0001_initial', 'ledger/0002_statements', 'ledger/0003_import_batches',
         'ledger/0004_transaction_checks', 'ledger/0005_tags',
         'ledger/0006_monthly_totals_view', 'ledger/0007_transaction_metadata_gin'])
       WITH ORDINALITY AS m (line, n);

INSERT INTO django_content_type (app_label, model)
VALUES ('auth', 'permission'), ('auth', 'group'), ('auth', 'user'),
       ('contenttypes', 'contenttype'), ('sessions', 'session'),
       ('ledger', 'account'), ('ledger', 'category'), ('ledger', 'importbatch'),
       ('ledger', 'statement'), ('ledger', 'transaction'), ('ledger', 'tag');

INSERT INTO auth_permission (name, content_type_id, codename)
SELECT 'Can ' || action || ' ' || model, c.id, action || '_' || model
  FROM django_content_type c,
       unnest(ARRAY['add', 'change', 'delete', 'view']) WITH ORDINALITY AS a (action, n)
 ORDER BY c.id, n;

INSERT INTO auth_group (name) VALUES ('bookkeepers'), ('readers');

INSERT INTO auth_group_permissions (group_id, permission_id)
SELECT g.id, p.id
  FROM auth_group g
  JOIN auth_permission p ON g.name = 'bookkeepers' OR p.codename LIKE 'view\_%'
  JOIN django_content_type c ON c.id = p.content_type_id AND c.app_label = 'ledger'
 ORDER BY g.id, p.id;

-- '!' is Django's mark of a password nobody can log in with.
INSERT INTO auth_user (password, last_login, is_superuser, username, first_name, last_name,
                       email, is_staff, is_active, date_joined)
VALUES ('!' || md5('admin'), '2025-05-02 15:04:11.204+00', true, 'admin', '', '',
        'admin@ledgerflow.example', true, true, '2024-11-29 17:24:02.118+00'),
       ('!' || md5('household'), '2025-05-01 03:41:57.870+00', false, 'household', '', '',
        'household@ledgerflow.example', false, true, '2024-11-29 17:31:40.553+00'),
       ('!' || md5('bookkeeper'), '2025-05-02 16:12:30.001+00', false, 'bookkeeper', '', '',
        'books@ledgerflow.example', true, true, '2024-12-02 09:15:00+00'),
       ('!' || md5('accountant'), NULL, false, 'accountant', '', '',
        'tax@ledgerflow.example', false, false, '2025-03-10 18:00:00+00');

INSERT INTO auth_user_groups (user_id, group_id)
SELECT u.id, g.id
  FROM auth_user u
  JOIN auth_group g ON (u.username, g.name) IN (('bookkeeper', 'bookkeepers'),
                                                ('household', 'readers'),
                                                ('accountant', 'readers'))
 ORDER BY u.id;

-- Accounts and categories -----------------------------------------------------------------------

INSERT INTO ledger_account (id, owner_id, name, institution, account_type, mask,
                            opening_balance, opened_on, created_at, updated_at)
SELECT pg_temp.stable_uuid('account ' || mask), u.id, name, 'Wells Fargo',
       kind::ledger_account_type, mask, balance, opened::date,
       '2024-11-29 17:40:00+00', '2024-11-29 17:40:00+00'
  FROM (VALUES ('Everyday Checking', 'checking', '4417', 4218.36, '2016-05-09'),
               ('Way2Save Savings', 'savings', '8802', 11540.07, '2016-05-09'),
               ('Rewards Card', 'credit_card', '0093', -1486.22, '2019-02-21'),
               ('Studio Checking', 'checking', '2651', 6902.18, '2021-08-30'))
       AS a (name, kind, mask, balance, opened)
  JOIN auth_user u ON u.username = 'household'
 ORDER BY mask;

CREATE TEMP TABLE tree ON COMMIT DROP AS
SELECT n, nullif(parent, '') AS parent, name, kind,
       lower(regexp_replace(name, '[^A-Za-z]+', '-', 'g')) AS slug
  FROM (VALUES (1, '', 'Income', 'income'), (2, 'income', 'Salary', 'income'),
               (3, 'income', 'Freelance', 'income'), (4, 'income', 'Interest', 'income'),
               (5, 'income', 'Refunds', 'income'),
               (6, '', 'Housing', 'expense'), (7, 'housing', 'Rent', 'expense'),
               (8, 'housing', 'Utilities', 'expense'),
               (9, 'utilities', 'Electricity', 'expense'), (10, 'utilities', 'Water', 'expense'),
               (11, 'utilities', 'Internet and Phone', 'expense'),
               (12, 'housing', 'Home Supplies', 'expense'),
               (13, '', 'Food', 'expense'), (14, 'food', 'Groceries', 'expense'),
               (15, 'food', 'Restaurants', 'expense'), (16, 'food', 'Coffee', 'expense'),
               (17, '', 'Transport', 'expense'), (18, 'transport', 'Fuel', 'expense'),
               (19, 'transport', 'Transit', 'expense'), (20, 'transport', 'Parking', 'expense'),
               (21, 'transport', 'Car Insurance', 'expense'),
               (22, '', 'Health', 'expense'), (23, 'health', 'Pharmacy', 'expense'),
               (24, 'health', 'Doctor', 'expense'), (25, 'health', 'Fitness', 'expense'),
               (26, '', 'Family', 'expense'), (27, 'family', 'Childcare', 'expense'),
               (28, 'family', 'Lessons', 'expense'), (29, 'family', 'Pets', 'expense'),
               (30, '', 'Leisure', 'expense'), (31, 'leisure', 'Subscriptions', 'expense'),
               (32, 'leisure', 'Books', 'expense'), (33, 'leisure', 'Outings', 'expense'),
               (34, 'leisure', 'Travel', 'expense'),
               (35, '', 'Shopping', 'expense'), (36, 'shopping', 'Clothing', 'expense'),
               (37, 'shopping', 'Gifts', 'expense'), (38, 'shopping', 'Electronics', 'expense'),
               (39, '', 'Business', 'expense'), (40, 'business', 'Studio Rent', 'expense'),
               (41, 'business', 'Software', 'expense'),
               (42, 'business', 'Studio Supplies', 'expense'),
               (43, 'business', 'Postage', 'expense'), (44, '', 'Taxes', 'expense'),
               (45, '', 'Bank Fees', 'expense'), (46, '', 'Cash', 'transfer'),
               (47, '', 'Transfers', 'transfer'), (48, 'transfers', 'Card Payment', 'transfer'),
               (49, 'transfers', 'Savings Transfer', 'transfer'),
               (50, 'transfers', 'Owner Draw', 'transfer'))
       AS t (n, parent, name, kind);

INSERT INTO ledger_category (id, parent_id, name, slug, kind, sort_order, created_at, updated_at)
SELECT t.n, p.n, t.name, t.slug, t.kind::ledger_category_kind, 10 * t.n,
       '2024-11-29 17:45:00+00', '2024-11-29 17:45:00+00'
  FROM tree t LEFT JOIN tree p ON p.slug = t.parent
 ORDER BY t.n;

INSERT INTO ledger_tag (name)
VALUES ('tax-deductible'), ('reimbursable'), ('vacation'), ('holiday'), ('shared'),
       ('to review');

-- Lines of the accounts ---------------------------------------------------------------------------

CREATE TEMP TABLE line (
    key text PRIMARY KEY,
    mask char(4) NOT NULL,
    date date NOT NULL,
    slug text NOT NULL,
    amount numeric(12,2) NOT NULL,
    description text NOT NULL,
    authorized_at timestamptz,
    merchant text,
    city text,
    mcc integer,
    channel text NOT NULL
) ON COMMIT DROP;

-- What comes back every month. A "spread" of 0.2 moves the amount by up to 20 %.
INSERT INTO line
SELECT r.description || ' ' || month, r.mask, (month + r.day - 1)::date, r.slug,
       round(r.amount * (1 + r.spread * (2 * pg_temp.pick(r.description || month) - 1)), 2),
       r.description || CASE WHEN r.channel = 'bill_pay' THEN
         ' ON ' || to_char(month + r.day - 1, 'MM-DD') ELSE '' END,
       NULL, NULL, NULL, NULL, r.channel
  FROM (VALUES
    ('BILL PAY ALDER STREET APARTMENTS RENT', '4417', 1, 'rent', -2350.00, 0, 'bill_pay'),
    ('CASCADE POWER LIGHT WEB PMT', '4417', 5, 'electricity', -121.50, 0.35, 'ach'),
    ('RIVERTON WATER BUREAU UTIL PMT', '4417', 8, 'water', -58.20, 0.12, 'ach'),
    ('NORTHLINE FIBER AUTOPAY', '4417', 12, 'internet-and-phone', -69.99, 0, 'ach'),
    ('SOUNDLINE WIRELESS AUTOPAY', '4417', 18, 'internet-and-phone', -112.60, 0.02, 'ach'),
    ('HARBOR MUTUAL AUTO INS PREM', '4417', 14, 'car-insurance', -138.42, 0, 'ach'),
    ('LITTLE FIRS CHILDCARE TUITION', '4417', 25, 'childcare', -1180.00, 0, 'ach'),
    ('ORCHARD SCHOOL DISTRICT PAYROLL', '4417', 15, 'salary', 2611.40, 0, 'direct_deposit'),
    ('RECURRING TRANSFER TO SAVINGS 8802', '4417', 3, 'savings-transfer', -600.00, 0, 'transfer'),
    ('RECURRING TRANSFER FROM CHECKING 4417', '8802', 3, 'savings-transfer', 600.00, 0,
     'transfer'),
    ('INTEREST PAYMENT', '8802', 28, 'interest', 4.86, 0.05, 'interest'),
    ('LANTERN VIDEO MONTHLY', '0093', 4, 'subscriptions', -15.49, 0, 'card_recurring'),
    ('TIDEPOOL MUSIC FAMILY', '0093', 9, 'subscriptions', -16.99, 0, 'card_recurring'),
    ('THE RIVERTON COURIER DIGITAL', '0093', 11, 'subscriptions', -4.00, 0, 'card_recurring'),
    ('SKYLOFT CLOUD STORAGE 200GB', '0093', 16, 'subscriptions', -2.99, 0, 'card_recurring'),
    ('SUMMIT CLIMBING GYM DUES', '0093', 2, 'fitness', -78.00, 0, 'card_recurring'),
    ('FOUNDRY COWORKING DESK 14', '2651', 2, 'studio-rent', -265.00, 0, 'ach'),
    ('GLYPHWORKS DESIGN SUITE', '2651', 6, 'software', -54.99, 0, 'card_recurring'),
    ('TALLYBOOK INVOICING PLUS', '2651', 9, 'software', -30.00, 0, 'card_recurring'),
    ('PEBBLE HOST VPS', '2651', 21, 'software', -24.00, 0, 'card_recurring'),
    ('MONTHLY SERVICE FEE', '2651', 28, 'bank-fees', -10.00, 0, 'fee'),
    ('ZELLE FROM HEATHERVALE BAKERY INVOICE', '2651', 7, 'freelance', 1240.00, 0.25, 'zelle'),
    ('MILLRACE BREWING CO ACH INVOICE', '2651', 17, 'freelance', 1875.00, 0.3, 'ach'),
    ('FERN HOLLOW PRESS ACH INVOICE', '2651', 26, 'freelance', 960.00, 0.4, 'ach'),
    ('ONLINE TRANSFER TO CHECKING 4417', '2651', 27, 'owner-draw', -1500.00, 0, 'transfer'),
    ('ONLINE TRANSFER FROM BUSINESS 2651', '4417', 27, 'owner-draw', 1500.00, 0, 'transfer'))
       AS r (description, mask, day, slug, amount, spread, channel),
       LATERAL (SELECT DISTINCT m::date AS month
                  FROM generate_series(timestamp '2024-12-01', '2025-04-01', '1 month') m) months;

INSERT INTO line
SELECT 'second pay ' || month, '4417', (month + interval '1 month - 1 day')::date, 'salary',
       2611.40, 'ORCHARD SCHOOL DISTRICT PAYROLL', NULL, NULL, NULL, NULL, 'direct_deposit'
  FROM generate_series(timestamp '2024-12-01', '2025-04-01', '1 month') month;

INSERT INTO line
SELECT 'pay ' || day, '4417', day::date, 'salary',
       CASE WHEN day >= '2025-02-01' THEN 3382.70 ELSE 3284.17 END,
       'TAMARACK ENGINEERING DIR DEP PPD', NULL, NULL, NULL, NULL, 'direct_deposit'
  FROM generate_series(timestamp '2024-12-06', '2025-04-30', '14 days') day;

INSERT INTO line
SELECT 'lesson ' || day, '4417', day::date, 'lessons', -45.00,
       'CHECK # ' || 1041 + row_number() OVER (ORDER BY day), NULL, NULL, NULL, NULL, 'check'
  FROM generate_series(timestamp '2024-12-05', '2025-04-30', '14 days') day;

INSERT INTO line
VALUES ('tax q4', '2651', '2025-01-15', 'taxes', -1850.00, 'US TREASURY EST TAX PMT',
        NULL, NULL, NULL, NULL, 'ach'),
       ('tax q1', '2651', '2025-04-15', 'taxes', -1850.00, 'US TREASURY EST TAX PMT',
        NULL, NULL, NULL, NULL, 'ach'),
       ('tax refund', '4417', '2025-03-19', 'refunds', 1093.00, 'US TREASURY TAX REF',
        NULL, NULL, NULL, NULL, 'ach'),
       ('flights', '0093', '2025-01-22', 'travel', -1148.76, 'SKYLARK AIRWAYS WEB BOOKING',
        NULL, 'SKYLARK AIRWAYS', NULL, 4511, 'card'),
       ('cabin', '0093', '2025-03-24', 'travel', -612.35, 'LAKE WENDELL CABINS DEPOSIT',
        NULL, 'LAKE WENDELL CABINS', NULL, 7011, 'card'),
       ('laptop', '2651', '2025-02-11', 'electronics', -1499.00, 'VOLT & VALVE COMPUTERS',
        NULL, 'VOLT & VALVE COMPUTERS', NULL, 5732, 'card');

-- Where the cards are used. cents: any, or the cents of a price list.
CREATE TEMP TABLE merchant ON COMMIT DROP AS
SELECT *, sum(weight) OVER (ORDER BY n) - weight AS weight_from, sum(weight) OVER () AS weight_all
  FROM (SELECT row_number() OVER () AS n, m.*
  FROM (VALUES
    ('NORTHGATE MARKET #112', 'RIVERTON', 5411, 'groceries', '4417', 6, 138, 150, 'any', 9, 20),
    ('GREEN BASKET CO-OP', 'RIVERTON', 5411, 'groceries', '4417', 4, 64, 95, 'any', 9, 20),
    ('SUNDAY FARM STAND', 'ORCHARD', 5411, 'groceries', '0093', 3, 32, 32, '00', 9, 14),
    ('WAREHOUSE FOODS 0347', 'ORCHARD', 5300, 'groceries', '0093', 38, 246, 26, 'any', 10, 19),
    ('HOLLYHOCK COFFEE', 'RIVERTON', 5814, 'coffee', '4417', 3, 12, 190, 'any', 7, 16),
    ('STEAM & STONE ESPRESSO', 'RIVERTON', 5814, 'coffee', '0093', 3, 10, 85, 'any', 7, 15),
    ('FOUNDRY CAFE', 'RIVERTON', 5814, 'coffee', '2651', 3, 9, 40, 'any', 8, 16),
    ('NOODLE HARBOR', 'RIVERTON', 5812, 'restaurants', '0093', 12, 52, 48, 'any', 11, 21),
    ('TACOS EL FARO', 'RIVERTON', 5812, 'restaurants', '4417', 8, 41, 58, 'any', 11, 21),
    ('THE BRICK OVEN', 'ORCHARD', 5812, 'restaurants', '0093', 16, 74, 34, 'any', 17, 21),
    ('MILLRACE BREWING CO', 'RIVERTON', 5813, 'restaurants', '0093', 9, 58, 28, 'any', 16, 22),
    ('SAFFRON HOUSE', 'RIVERTON', 5812, 'restaurants', '0093', 18, 66, 20, 'any', 17, 21),
    ('CRUMB & CO BAKERY', 'RIVERTON', 5462, 'restaurants', '4417', 3, 22, 44, '50', 7, 14),
    ('RIVERTON METRO TRANSIT', 'RIVERTON', 4111, 'transit', '4417', 2, 3, 118, '80', 6, 19),
    ('BEACON FUEL 2208', 'RIVERTON', 5541, 'fuel', '4417', 24, 58, 46, 'any', 7, 20),
    ('HIGHWAY 9 GAS & GO', 'ORCHARD', 5541, 'fuel', '0093', 22, 61, 18, 'any', 7, 20),
    ('CITY OF RIVERTON PARKING', 'RIVERTON', 7523, 'parking', '4417', 1, 9, 52, '25', 8, 19),
    ('FIRST AVENUE GARAGE', 'RIVERTON', 7523, 'parking', '0093', 6, 18, 14, '00', 8, 20),
    ('WILLOW PHARMACY 071', 'RIVERTON', 5912, 'pharmacy', '4417', 4, 48, 42, 'any', 9, 19),
    ('RIVERTON FAMILY MEDICINE', 'RIVERTON', 8011, 'doctor', '4417', 25, 41, 8, '00', 8, 16),
    ('BRIGHT SMILE DENTAL', 'RIVERTON', 8021, 'doctor', '0093', 42, 180, 4, 'any', 8, 16),
    ('HAMMER & PINE HARDWARE', 'RIVERTON', 5251, 'home-supplies', '4417', 4, 86, 30, 'any', 8, 18),
    ('HOMEROOM GOODS', 'ORCHARD', 5719, 'home-supplies', '0093', 9, 94, 22, '99', 10, 20),
    ('PAGE & LANTERN BOOKS', 'RIVERTON', 5942, 'books', '0093', 8, 46, 24, '95', 10, 19),
    ('AVALON CINEMA', 'RIVERTON', 7832, 'outings', '0093', 13, 44, 16, '50', 13, 21),
    ('RIVERTON SCIENCE MUSEUM', 'RIVERTON', 7991, 'outings', '0093', 14, 39, 6, '00', 10, 15),
    ('ORCHARD SKATE RINK', 'ORCHARD', 7999, 'outings', '4417', 9, 28, 9, '00', 12, 18),
    ('BLUE HERON OUTFITTERS', 'RIVERTON', 5651, 'clothing', '0093', 18, 126, 15, '95', 10, 20),
    ('LITTLE SPROUTS KIDS', 'ORCHARD', 5641, 'clothing', '0093', 9, 58, 15, '99', 10, 19),
    ('PAPER CRANE GIFTS', 'RIVERTON', 5947, 'gifts', '0093', 6, 49, 14, 'any', 10, 18),
    ('VOLT & VALVE COMPUTERS', 'RIVERTON', 5732, 'electronics', '0093', 12, 160, 6, '99', 10, 19),
    ('WHISKER & PAW SUPPLY', 'RIVERTON', 5995, 'pets', '4417', 9, 72, 22, 'any', 9, 19),
    ('CEDAR VETERINARY CLINIC', 'RIVERTON', 742, 'pets', '0093', 48, 210, 3, 'any', 9, 17),
    ('INKWELL ART SUPPLY', 'RIVERTON', 5970, 'studio-supplies', '2651', 6, 88, 24, 'any', 9, 18),
    ('RIVERTON PRINT SHOP', 'RIVERTON', 2741, 'studio-supplies', '2651', 14, 160, 12, 'any', 9, 17),
    ('US POST OFFICE 4471', 'RIVERTON', 9402, 'postage', '2651', 4, 23, 26, 'any', 9, 16),
    ('SPRUCE TYPE LICENSES', 'WEB', 5734, 'software', '2651', 19, 79, 4, '00', 9, 17),
    ('NON-BANK ATM 5TH & MAIN', 'RIVERTON', 6011, 'cash', '4417', 20, 121, 15, 'atm', 9, 21))
       AS m (name, city, mcc, slug, mask, low, high, weight, cents, opens, closes)) numbered;

-- As many purchases as bring the ledger to 1,666 lines, less the 10 payments and 14 refunds below.
INSERT INTO line
SELECT 'purchase ' || i, m.mask, day, m.slug,
       -CASE m.cents
          WHEN 'any' THEN round(price, 2)
          WHEN 'atm' THEN 20 * ceil(price / 20)
          ELSE floor(price) + m.cents::numeric / 100
        END,
       CASE WHEN m.cents = 'atm' THEN
              'NON-BANK ATM WITHDRAWAL AUTHORIZED ON ' || to_char(day, 'MM/DD')
              || ' 5TH & MAIN RIVERTON WA CARD ' || m.mask
            WHEN m.mask = '0093' THEN m.name || ' ' || m.city || ' WA'
            ELSE 'PURCHASE AUTHORIZED ON ' || to_char(day, 'MM/DD') || ' ' || m.name || ' '
              || m.city || ' WA S' || translate(substr(md5('auth' || i), 1, 15), 'abcdef', '385021')
              || ' CARD ' || m.mask
       END,
       day + make_interval(hours => m.opens)
         + interval '1 second' * floor((m.closes - m.opens) * 3600 * pg_temp.pick('time' || i)),
       m.name, m.city, m.mcc, CASE WHEN m.cents = 'atm' THEN 'atm' ELSE 'card' END
  FROM generate_series(1, 1666 - 10 - 14 - (SELECT count(*) FROM line)::integer) i
  CROSS JOIN LATERAL (SELECT date '2024-12-01'
                             + floor(151 * power(pg_temp.pick('day' || i), 1.04))::integer) d (day)
  JOIN merchant m
    ON floor(m.weight_all * pg_temp.pick('merchant' || i)) >= m.weight_from
   AND floor(m.weight_all * pg_temp.pick('merchant' || i)) < m.weight_from + m.weight
  CROSS JOIN LATERAL (SELECT m.low + (m.high - m.low) * power(pg_temp.pick('price' || i), 1.7)) p (price);

-- Two weeks after some purchases of goods, the shop pays them back.
INSERT INTO line
SELECT 'refund of ' || key, mask, date + 13, 'refunds', -amount,
       'PURCHASE RETURN AUTHORIZED ON ' || to_char(date + 13, 'MM/DD') || ' ' || merchant || ' '
       || city || ' WA CARD ' || mask,
       authorized_at + interval '13 days 47 minutes', merchant, city, mcc, 'card_refund'
  FROM line
 WHERE slug IN ('clothing', 'home-supplies', 'electronics', 'books') AND date <= '2025-04-10'
   AND key LIKE 'purchase %'
 ORDER BY md5('refund' || key)
 LIMIT 14;

-- On the 20th the card is paid what it owed at the end of the month before.
INSERT INTO line
SELECT 'payment ' || side.mask || ' ' || month, side.mask, (month + 19)::date, 'card-payment',
       side.sign * owed, side.description, NULL, NULL, NULL, NULL, 'transfer'
  FROM (SELECT month::date AS month,
               coalesce((SELECT -sum(amount) FROM line
                          WHERE mask = '0093' AND line.date < month
                            AND line.date >= month - interval '1 month'), 1486.22) AS owed
          FROM generate_series(timestamp '2024-12-01', '2025-04-01', '1 month') month) due,
       (VALUES ('4417', -1, 'WELLS FARGO CARD CCPYMT 0093'),
               ('0093', 1, 'AUTOMATIC PAYMENT - THANK YOU')) AS side (mask, sign, description);

-- Statements, import batches, transactions ---------------------------------------------------------

CREATE TEMP TABLE month ON COMMIT DROP AS
SELECT a.id AS account_id, a.mask, m::date AS starts, (m + interval '1 month - 1 day')::date AS ends,
       pg_temp.stable_uuid('statement ' || a.mask || m::date) AS statement_id,
       pg_temp.stable_uuid('batch ' || a.mask || m::date) AS batch_id,
       coalesce(t.amount, 0) AS net, coalesce(t.lines, 0) AS lines,
       m + interval '1 month 2 days 16 hours' + interval '1 second' * floor(900 * pg_temp.pick(a.mask || m))
         AS imported_at
  FROM ledger_account a
 CROSS JOIN generate_series(timestamp '2024-12-01', '2025-04-01', '1 month') m
  LEFT JOIN LATERAL (SELECT sum(amount) AS amount, count(*) AS lines FROM line
                      WHERE line.mask = a.mask AND date_trunc('month', line.date::timestamp) = m) t
    ON true;

INSERT INTO ledger_import_batch
SELECT batch_id, account_id, u.id, 'wellsfargo_bank_csv',
       CASE mask WHEN '0093' THEN 'CreditCard' WHEN '8802' THEN 'Savings' ELSE 'Checking' END
       || mask || '_' || to_char(starts, 'YYYY-MM') || '.csv',
       md5('file ' || mask || starts), lines, 'completed', imported_at,
       imported_at + interval '1 millisecond' * (180 + 9 * lines)
  FROM month JOIN auth_user u ON u.username = 'bookkeeper'
 ORDER BY starts, mask;

INSERT INTO ledger_statement
SELECT statement_id, account_id, starts, ends,
       opening_balance + before, opening_balance + before + net, lines, ends + 1 + interval '4 hours'
  FROM (SELECT month.*, a.opening_balance,
               coalesce(sum(net) OVER (PARTITION BY account_id ORDER BY starts
                                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
          FROM month JOIN ledger_account a ON a.id = month.account_id) running
 ORDER BY starts, mask;

INSERT INTO ledger_transaction (reference, account_id, category_id, statement_id, import_batch_id,
                                import_row, date, amount, description, source, status,
                                authorized_at, notes, metadata, created_at, updated_at)
SELECT pg_temp.stable_uuid('transaction ' || line.key), m.account_id, c.id, m.statement_id,
       m.batch_id, row_in_file, line.date, line.amount, line.description,
       'wellsfargo_bank_csv',
       (CASE WHEN line.date < '2025-04-01' THEN 'reconciled' ELSE 'posted' END)
         ::ledger_transaction_status,
       line.authorized_at,
       CASE line.key WHEN 'flights' THEN E'Spring break, 4 seats.\nChanged once: no fee.'
                     WHEN 'laptop' THEN 'Studio laptop; depreciate over 5 years'
                     WHEN 'cabin' THEN E'50 % deposit\tbalance due 2025-07-11' ELSE '' END,
       jsonb_strip_nulls(jsonb_build_object(
         'channel', line.channel, 'merchant', line.merchant, 'city', line.city,
         'mcc', to_char(line.mcc, 'FM0000'),
         'csv', jsonb_build_object('row', row_in_file, 'amount', line.amount::text,
                                   'date', to_char(line.date, 'MM/DD/YYYY')),
         'confidence', CASE WHEN line.merchant IS NOT NULL
                            THEN round(0.8 + 0.2 * pg_temp.pick('sure' || line.key), 3) END)),
       m.imported_at + interval '1 millisecond' * (120 + 9 * row_in_file),
       m.imported_at + interval '1 millisecond' * (120 + 9 * row_in_file)
         + CASE WHEN pg_temp.pick('edited' || line.key) < 0.08
                THEN interval '1 hour' * (2 + floor(70 * pg_temp.pick('when' || line.key)))
                ELSE interval '0' END
  FROM (SELECT line.*, row_number() OVER (PARTITION BY mask, date_trunc('month', date::timestamp)
                                          ORDER BY date, coalesce(authorized_at, date), md5(key))
                       AS row_in_file
          FROM line) line
  JOIN month m ON m.mask = line.mask AND line.date BETWEEN m.starts AND m.ends
  JOIN ledger_category c ON c.slug = line.slug
 ORDER BY m.starts, m.mask, row_in_file;

INSERT INTO ledger_transaction_tags (transaction_id, tag_id)
SELECT t.id, g.id
  FROM ledger_transaction t
  JOIN ledger_category c ON c.id = t.category_id
  LEFT JOIN ledger_category p ON p.id = c.parent_id
  JOIN ledger_tag g ON (g.name = 'tax-deductible' AND 'business' IN (c.slug, p.slug))
                    OR (g.name = 'vacation' AND c.slug = 'travel')
                    OR (g.name = 'holiday' AND c.slug = 'gifts' AND t.date < '2025-01-01')
                    OR (g.name = 'shared' AND c.slug = 'groceries' AND t.amount < -90)
                    OR (g.name = 'to review' AND c.slug = 'cash' AND t.date >= '2025-04-01')
 ORDER BY t.id, g.id;

-- data.sql ------------------------------------------------------------------------------------------

\qecho '-- LedgerFlow: 1,666 transactions, December 2024 to April 2025.'
\qecho '-- Written by generate.sql; change that, not this file.'
\qecho
\qecho 'BEGIN;'
\qecho 'SET client_encoding = ''UTF8'';'
\qecho 'SET datestyle = ''ISO, MDY'';'

\pset format unaligned
\pset tuples_only on

\qecho
\qecho 'COPY django_migrations (id, app, name, applied) FROM stdin;'
COPY (TABLE django_migrations ORDER BY id) TO STDOUT;
\qecho '\\.'

\qecho
\qecho 'COPY django_content_type (id, app_label, model) FROM stdin;'
COPY (TABLE django_content_type ORDER BY id) TO STDOUT;
\qecho '\\.'

\qecho
\qecho 'COPY auth_permission (id, name, content_type_id, codename) FROM stdin;'
COPY (TABLE auth_permission ORDER BY id) TO STDOUT;
\qecho '\\.'

\qecho
\qecho 'COPY auth_group (id, name) FROM stdin;'
COPY (TABLE auth_group ORDER BY id) TO STDOUT;
\qecho '\\.'

\qecho
\qecho 'COPY auth_group_permissions (id, group_id, permission_id) FROM stdin;'
COPY (TABLE auth_group_permissions ORDER BY id) TO STDOUT;
\qecho '\\.'

\qecho
\qecho 'COPY auth_user (id, password, last_login, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined) FROM stdin;'
COPY (TABLE auth_user ORDER BY id) TO STDOUT;
\qecho '\\.'

\qecho
\qecho 'COPY auth_user_groups (id, user_id, group_id) FROM stdin;'
COPY (TABLE auth_user_groups ORDER BY id) TO STDOUT;
\qecho '\\.'

\qecho
\qecho 'COPY ledger_account (id, owner_id, name, institution, account_type, mask, currency, opening_balance, opened_on, closed_on, created_at, updated_at) FROM stdin;'
COPY (TABLE ledger_account ORDER BY mask) TO STDOUT;
\qecho '\\.'

\qecho
\qecho 'COPY ledger_category (id, parent_id, name, slug, kind, sort_order, created_at, updated_at) FROM stdin;'
COPY (TABLE ledger_category ORDER BY id) TO STDOUT;
\qecho '\\.'

\qecho
\qecho 'COPY ledger_import_batch (id, account_id, imported_by_id, source, file_name, file_md5, row_count, status, started_at, finished_at) FROM stdin;'
COPY (TABLE ledger_import_batch ORDER BY started_at, id) TO STDOUT;
\qecho '\\.'

\qecho
\qecho 'COPY ledger_statement (id, account_id, period_start, period_end, opening_balance, closing_balance, transaction_count, issued_at) FROM stdin;'
COPY (TABLE ledger_statement ORDER BY period_start, id) TO STDOUT;
\qecho '\\.'

\qecho
\qecho 'COPY ledger_transaction (id, reference, account_id, category_id, statement_id, import_batch_id, import_row, date, amount, description, source, status, authorized_at, notes, metadata, created_at, updated_at) FROM stdin;'
COPY (TABLE ledger_transaction ORDER BY id) TO STDOUT;
\qecho '\\.'

\qecho
\qecho 'COPY ledger_tag (id, name) FROM stdin;'
COPY (TABLE ledger_tag ORDER BY id) TO STDOUT;
\qecho '\\.'

\qecho
\qecho 'COPY ledger_transaction_tags (id, transaction_id, tag_id) FROM stdin;'
COPY (TABLE ledger_transaction_tags ORDER BY id) TO STDOUT;
\qecho '\\.'

-- Foreign keys are checked here, which also lets ALTER TABLE run; then the identity columns go
-- on after the last row.
\qecho
\qecho 'SET CONSTRAINTS ALL IMMEDIATE;'
SELECT format('ALTER TABLE %I ALTER COLUMN id RESTART WITH %s;', name, last + 1)
  FROM (VALUES ('django_migrations', (SELECT max(id) FROM django_migrations)),
               ('django_content_type', (SELECT max(id) FROM django_content_type)),
               ('auth_permission', (SELECT max(id) FROM auth_permission)),
               ('auth_group', (SELECT max(id) FROM auth_group)),
               ('auth_group_permissions', (SELECT max(id) FROM auth_group_permissions)),
               ('auth_user', (SELECT max(id) FROM auth_user)),
               ('auth_user_groups', (SELECT max(id) FROM auth_user_groups)),
               ('ledger_category', (SELECT max(id) FROM ledger_category)),
               ('ledger_transaction', (SELECT max(id) FROM ledger_transaction)),
               ('ledger_tag', (SELECT max(id) FROM ledger_tag)),
               ('ledger_transaction_tags', (SELECT max(id) FROM ledger_transaction_tags)))
       AS s (name, last);
\qecho
\qecho 'COMMIT;'

ROLLBACK;
