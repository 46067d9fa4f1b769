/** A project of one pipeline with as many models as are asked for, as a team's looks that has grown for years. */

/** Each tenth of the models reads streams; the others read models of before. */
const LAYERS = 10;
const STREAMS = 10;

export interface ManyModels {
  /** Of the project, by their paths. */
  readonly files: Readonly<Record<string, string>>;
  /** The statements that DuckDB alone would run, in an order in which they can: tables of `raw` first. */
  readonly raw: readonly string[];
  readonly models: readonly { readonly name: string; readonly select: string }[];
}

/**
 * `count` models of ten columns each: chains and fans over ten layers, common table expressions, joins, windows and
 * sums, and a header with a check on every fifth. `rows` of each stream.
 */
export function manyModels(count: number, rows = 3): ManyModels {
  const files: Record<string, string> = {
    "connectors.yaml": "local: { type: file }\n",
    "pipelines/bench.yaml": [
      "extract:",
      ...Array.from(
        { length: STREAMS },
        (_, n) => `  s${n}: { connector: local, path: data/s${n}.csv }`,
      ),
      "",
    ].join("\n"),
  };
  const raw = ["CREATE SCHEMA IF NOT EXISTS raw"];
  for (let n = 0; n < STREAMS; n += 1) {
    files[`data/s${n}.csv`] = csv(rows);
    raw.push(`CREATE OR REPLACE TABLE raw.s${n} AS SELECT * FROM (${valuesOf(rows)})`);
  }
  const models = Array.from({ length: count }, (_, n) => {
    const name = `m${String(n).padStart(4, "0")}`;
    return { name, select: selectOf(n, Math.max(1, Math.floor(count / LAYERS))) };
  });
  for (const [n, { name, select }] of models.entries()) {
    files[`transforms/bench/${name}.sql`] = headerOf(n) + select;
  }
  return { files, raw, models };
}

const COLUMNS = ["id", "day", "seen_at", "amount", "quantity", "name", "code", "is_open", "rate", "note"];

function selectOf(n: number, width: number): string {
  const list = COLUMNS.join(",\n  ");
  if (n < width) {
    return `SELECT
  CAST(id AS BIGINT) AS id, CAST(day AS DATE) AS day, CAST(seen_at AS TIMESTAMP) AS seen_at,
  CAST(amount AS DECIMAL(18, 2)) AS amount, CAST(quantity AS INTEGER) AS quantity, trim(name) AS name,
  upper(code) AS code, CAST(is_open AS BOOLEAN) AS is_open, CAST(rate AS DOUBLE) AS rate, note
FROM raw.s${n % STREAMS}
`;
  }
  const nameOf = (other: number) => `m${String(other).padStart(4, "0")}`;
  const above = nameOf(n - width);
  const beside = nameOf(n - width + (n % width === width - 1 ? -1 : 1) * Number(width > 1));
  switch (n % 4) {
    case 0:
      return `SELECT
  ${list}
FROM ${above}
WHERE amount >= 0 OR is_open
`;
    case 1:
      return `WITH known AS (
  SELECT id, max(rate) AS rate, count(*) AS quantity FROM ${beside} GROUP BY id
)
SELECT
  a.id, a.day, a.seen_at, CAST(coalesce(a.amount, 0) + 1 AS DECIMAL(18, 2)) AS amount,
  CAST(known.quantity AS INTEGER) AS quantity, a.name, a.code, a.is_open, known.rate, a.note
FROM ${above} AS a
LEFT JOIN known ON known.id = a.id
`;
    case 2:
      return `WITH ranked AS (
  SELECT *, row_number() OVER (PARTITION BY id ORDER BY seen_at DESC) AS place
  FROM ${above}
),
newest AS (
  SELECT * FROM ranked WHERE place = 1
)
SELECT
  ${list}
FROM newest
`;
    default:
      return `SELECT
  min(id) AS id, day, max(seen_at) AS seen_at, CAST(sum(amount) AS DECIMAL(18, 2)) AS amount,
  CAST(sum(quantity) AS INTEGER) AS quantity, any_value(name) AS name, code, bool_or(is_open) AS is_open,
  avg(rate) AS rate, string_agg(note, ', ' ORDER BY note) AS note
FROM (
  SELECT * FROM ${above}
  UNION ALL
  SELECT * FROM ${beside}
)
WHERE day >= DATE '2020-01-01'
GROUP BY day, code
`;
  }
}

function headerOf(n: number): string {
  if (n % 5 !== 0) return "";
  const check = n % 10 === 0
    ? "id: { checks: [not_null] }\n  amount: { checks: [sql: amount > -1000] }"
    : "code: { checks: [accepted_values: [A, B, C]] }";
  return `/* @sluice\ndescription: the model number ${n}\ncolumns:\n  ${check}\n*/\n`;
}

const valueOf = (row: number): readonly string[] => [
  String(row + 1),
  `2024-01-${String(row % 28 + 1).padStart(2, "0")}`,
  "2024-01-01 10:00:00",
  `${row}.50`,
  String(row + 2),
  `name ${row}`,
  "abc"[row % 3] ?? "a",
  row % 2 === 0 ? "true" : "false",
  "0.25",
  `note ${row}`,
];

function csv(rows: number): string {
  const lines = Array.from({ length: rows }, (_, row) => valueOf(row).join(","));
  return `${[COLUMNS.join(","), ...lines].join("\n")}\n`;
}

function valuesOf(rows: number): string {
  const lines = Array.from(
    { length: rows },
    (_, row) => `(${valueOf(row).map((value) => `'${value}'`).join(", ")})`,
  );
  return `VALUES ${lines.join(", ")}) AS t(${COLUMNS.join(", ")}`;
}
