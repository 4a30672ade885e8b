-- Is the whole ledger there? Prints the rows, dates and money of each month, then fails (exit
-- status 3) unless they are those of data.sql and every reference leads somewhere.
--
--   psql -X -v ON_ERROR_STOP=1 -d URL -f verify.sql

\set QUIET on
\set VERBOSITY terse
\pset pager off
\pset format unaligned
\pset tuples_only on

SELECT format('%-7s %5s rows  %s to %s  %10s in %10s out %10s net',
              coalesce(to_char(date, 'YYYY-MM'), 'total'), count(*), min(date), max(date),
              sum(amount) FILTER (WHERE amount > 0), sum(amount) FILTER (WHERE amount < 0),
              sum(amount))
  FROM ledger_transaction
 GROUP BY ROLLUP (to_char(date, 'YYYY-MM'))
 ORDER BY to_char(date, 'YYYY-MM');

DO $$
DECLARE
    found text;
    wanted constant text := '1666 rows, 2024-12-01 to 2025-04-30, sum 17825.24';
    strays bigint;
BEGIN
    SELECT format('%s rows, %s to %s, sum %s', count(*), min(date), max(date), sum(amount))
      INTO found
      FROM ledger_transaction;
    IF found IS DISTINCT FROM wanted THEN
        RAISE EXCEPTION 'the ledger holds %, not %', found, wanted;
    END IF;

    SELECT count(*) INTO strays FROM ledger_transaction WHERE source <> 'wellsfargo_bank_csv';
    IF strays > 0 THEN
        RAISE EXCEPTION '% transactions came from elsewhere than wellsfargo_bank_csv', strays;
    END IF;

    -- By anti-join: a restored constraint proves nothing about rows loaded while it was off.
    SELECT count(*) INTO strays
      FROM ledger_transaction t
      LEFT JOIN ledger_account a ON a.id = t.account_id
      LEFT JOIN ledger_category c ON c.id = t.category_id
      LEFT JOIN ledger_statement s ON s.id = t.statement_id AND s.account_id = t.account_id
      LEFT JOIN ledger_import_batch b ON b.id = t.import_batch_id AND b.account_id = t.account_id
     WHERE a.id IS NULL OR c.id IS NULL OR s.id IS NULL OR b.id IS NULL;
    IF strays > 0 THEN
        RAISE EXCEPTION '% transactions lack their account, category, statement or import', strays;
    END IF;

    -- The cents: every statement must close where its transactions lead.
    SELECT count(*) INTO strays
      FROM ledger_statement s
     WHERE closing_balance <> opening_balance
           + (SELECT coalesce(sum(amount), 0) FROM ledger_transaction t WHERE t.statement_id = s.id)
        OR transaction_count <> (SELECT count(*) FROM ledger_transaction t WHERE t.statement_id = s.id);
    IF strays > 0 THEN
        RAISE EXCEPTION '% statements do not add up to the cent', strays;
    END IF;
END;
$$;

\echo 'verified: every amount, source and reference; 20 statements balance to the cent'
