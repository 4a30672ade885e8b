-- The other half of the benchmark's data: bank transactions, as in examples/ledgerflow but many.
-- psql variable: rows. The values follow from the row number alone, so every run measures the same.

\set QUIET on
CREATE TABLE ledger_account (
    id integer PRIMARY KEY,
    name text NOT NULL,
    opened_at timestamptz NOT NULL
);
INSERT INTO ledger_account
SELECT i, 'Account ' || i, timestamptz '2016-01-01 09:00Z' + i * interval '7 hours'
  FROM generate_series(1, 2000) i;

CREATE TABLE ledger_transaction (
    id bigint NOT NULL,
    reference uuid NOT NULL,
    account_id integer NOT NULL,
    posted_on date NOT NULL,
    created_at timestamptz NOT NULL,
    amount numeric(12,2) NOT NULL,
    balance numeric(14,2) NOT NULL,
    status smallint NOT NULL,
    source text NOT NULL,
    description text NOT NULL,
    note text,
    metadata jsonb NOT NULL
);

INSERT INTO ledger_transaction
SELECT i, md5(i::text)::uuid, 1 + (h & 2047) % 2000,
       date '2015-01-01' + (i * 3652 / :rows)::integer,
       timestamptz '2015-01-01 00:00Z' + i * (interval '3652 days' / :rows)
         + (h >> 7 & 1048575) * interval '1 microsecond',
       ((h >> 11 & 65535) - 58000) / 100.0,
       (((h >> 19) & 4194303) + 100000) / 100.0,
       (h >> 5 & 3)::smallint,
       CASE WHEN h & 3 = 0 THEN 'manual' ELSE 'wellsfargo_bank_csv' END,
       'PURCHASE AUTHORIZED ON ' || to_char(date '2015-01-01' + (i * 3652 / :rows)::integer, 'MM/DD')
         || ' ' || first[1 + (h >> 23 & 31)] || ' ' || second[1 + (h >> 28 & 31)]
         || ' #' || (h >> 36 & 4095) || ' ' || towns[1 + (h >> 48 & 15)]
         || ' S' || (h >> 3 & 1099511627775) || ' CARD ' || 1000 + (h & 2047),
       CASE WHEN h & 15 = 0 THEN E'Checked by hand;\nreceipt no. ' || (h >> 9 & 131071) END,
       jsonb_build_object('channel', channels[1 + (h >> 31 & 3)], 'mcc', 5000 + (h >> 33 & 1023),
                          'csv', jsonb_build_object('row', i % 997, 'file', 'Checking' || i / 997),
                          'confidence', round((h >> 17 & 1023) / 1024.0, 3))
  FROM (SELECT i, hashint8extended(i, 1666) & 9223372036854775807 AS h,
               ARRAY['NORTHGATE', 'GREEN', 'HOLLYHOCK', 'HARBOR', 'EL FARO', 'BEACON', 'WILLOW',
                     'HAMMER', 'LANTERN', 'AVALON', 'HERON', 'INKWELL', 'METRO', 'MILLRACE',
                     'WHISKER', 'CRUMB', 'SAFFRON', 'CASCADE', 'SUMMIT', 'PEBBLE', 'GLYPH',
                     'ORCHARD', 'SPRUCE', 'FOUNDRY', 'RIVER', 'TAMARACK', 'FERN', 'SKYLARK',
                     'VOLT', 'TIDEPOOL', 'PAPER CRANE', 'BRIGHT'] AS first,
               ARRAY['MARKET', 'CO-OP', 'COFFEE', 'NOODLES', 'TAQUERIA', 'FUEL', 'PHARMACY',
                     'HARDWARE', 'BOOKS', 'CINEMA', 'OUTFITTERS', 'ART SUPPLY', 'TRANSIT',
                     'BREWING', 'PET SUPPLY', 'BAKERY', 'KITCHEN', 'POWER', 'CLIMBING', 'HOSTING',
                     'WORKS', 'CLINIC', 'TYPE', 'CAFE', 'PARKING', 'DENTAL', 'PRESS', 'AIRWAYS',
                     'COMPUTERS', 'MUSIC', 'GIFTS', 'INSURANCE'] AS second,
               ARRAY['RIVERTON WA', 'ORCHARD WA', 'FERN HOLLOW OR', 'LAKE WENDELL OR', 'EASTBANK WA',
                     'PINE CITY ID', 'HARBOR POINT WA', 'MILLRACE OR', 'CEDAR FALLS ID', 'SOUTHGATE WA',
                     'MAPLE BAY WA', 'STONE CREEK OR', 'EAGLE RIDGE ID', 'LAKEVIEW OR', 'ALDER WA',
                     'BRIDGETON OR'] AS towns,
               ARRAY['card', 'ach', 'card_recurring', 'zelle'] AS channels
          FROM generate_series(1, :rows::bigint) i) numbered;

ALTER TABLE ledger_transaction ADD PRIMARY KEY (id);
CREATE INDEX ledger_transaction_account_idx ON ledger_transaction (account_id, posted_on);
CREATE INDEX ledger_transaction_created_idx ON ledger_transaction (created_at);
ALTER TABLE ledger_transaction ADD FOREIGN KEY (account_id) REFERENCES ledger_account (id);
VACUUM ANALYZE;
