import { mayCall } from "../../../contract/pipeline/functions.ts";

/** What gives another value each time, or one that depends on more than its rows. */
const VOLATILE = [
  "random",
  "uuid",
  "uuidv4",
  "uuidv7",
  "gen_random_uuid",
  "nextval",
  "currval",
  "age",
  "txid_current",
];
/** What depends on the order in which rows come, unless that is said. */
const BY_ORDER = [
  "first",
  "last",
  "any_value",
  "arbitrary",
  "list",
  "array_agg",
  "string_agg",
  "group_concat",
  "listagg",
  "row_number",
  "arg_min",
  "arg_max",
  "min_by",
  "max_by",
  "mode",
];

/** What of a model's SQL need not give the same rows twice; nothing certain. */
export function likelyReasons(sql: string): string[] {
  const volatile = VOLATILE.filter((name) => mayCall(sql, name)).map((name) => `it calls ${name}()`);
  const byOrder = BY_ORDER.filter((name) => mayCall(sql, name)).map((name) =>
    `${name}() depends on the order of rows, where that is not said`
  );
  return [
    ...volatile,
    ...(/\b(?:tablesample|using\s+sample)\b/i.test(sql) ? ["it takes a sample of rows"] : []),
    ...byOrder,
    ...(/\blimit\b/i.test(sql) ? ["LIMIT takes any rows, where ORDER BY leaves the choice"] : []),
    ...(/\b(?:sum|avg)\s*\(/i.test(sql)
      ? ["a sum of DOUBLE depends on the order of rows in its last digits"]
      : []),
  ];
}
