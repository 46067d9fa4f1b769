import { itemsOf, type JinjaFunction, textOf } from "../jinja/values.ts";
import { dateAdd, dateDiff, dateSpine, DBT_MACROS } from "./dbt_macros.ts";
import { macro, sqlMacro } from "./signature.ts";
import { UTILS_MACROS } from "./utils_macros.ts";

/** A JSON path of keys and places: `$.a[0]`. */
const jsonPath = (parts: readonly (string | number)[]): string =>
  `$${parts.map((part) => typeof part === "number" ? `[${part}]` : `."${part}"`).join("")}`;

/** Of Fivetran's packages: what they have for other databases alone. */
const FIVETRAN_MACROS: Readonly<Record<string, JinjaFunction>> = {
  timestamp_add: sqlMacro(["datepart", "interval", "from_timestamp"], dateAdd),
  timestamp_diff: sqlMacro(["first_date", "second_date", "datepart"], dateDiff),
  json_extract: sqlMacro(
    ["string", "string_path"],
    (text, path) => `json_extract_string(${text}, '$.${path}')`,
  ),
  json_parse: macro(["string", "string_path"], (text, path) => {
    const parts = itemsOf(path).map((part) => typeof part === "number" ? part : textOf(part));
    return `json_extract_string(${textOf(text)}, '${jsonPath(parts)}')`;
  }),
};

/** Macros of packages that are written here for DuckDB: they go before those that the package has for all databases. */
export const PACKAGE_MACROS: Readonly<Record<string, Readonly<Record<string, JinjaFunction>>>> = {
  dbt: DBT_MACROS,
  dbt_utils: { ...DBT_MACROS, ...UTILS_MACROS },
  dbt_date: { date_spine: sqlMacro(["datepart", "start_date", "end_date"], dateSpine) },
  fivetran_utils: FIVETRAN_MACROS,
};
