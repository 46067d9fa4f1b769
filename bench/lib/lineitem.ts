/** A `lineitem`-like table of 16 columns, as a SELECT of PostgreSQL. */
export const lineitem = (rows: number): string =>
  `SELECT
     (g / 4)::bigint AS orderkey, (g * 7 % 200000)::integer AS partkey, (g * 13 % 10000)::integer AS suppkey,
     (g % 7)::integer AS linenumber, (g % 50 + 1)::numeric(15,2) AS quantity,
     (g * 7919 % 10000000 / 100.0)::numeric(15,2) AS extendedprice, (g % 11 / 100.0)::numeric(15,2) AS discount,
     (g % 9 / 100.0)::numeric(15,2) AS tax, substr('ANR', g::integer % 3 + 1, 1)::char(1) AS returnflag,
     substr('OF', g::integer % 2 + 1, 1)::char(1) AS linestatus, date '1992-01-01' + (g % 2500)::integer AS shipdate,
     date '1992-02-01' + (g % 2500)::integer AS commitdate, date '1992-03-01' + (g % 2500)::integer AS receiptdate,
     (ARRAY['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'])[g % 4 + 1]::char(25) AS shipinstruct,
     (ARRAY['AIR', 'MAIL', 'SHIP', 'TRUCK', 'RAIL'])[g % 5 + 1]::char(10) AS shipmode,
     'carefully regular ideas ' || g * 31 % 100000 AS comment
   FROM generate_series(1::bigint, ${rows}) AS g`;
