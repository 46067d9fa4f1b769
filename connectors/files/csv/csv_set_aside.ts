import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import type { PathColumn } from "../read/path_columns.ts";
import { isTextType, triedCast } from "../../text_cast/exact_cast.ts";
import { type CsvCopies, PATH, PLACE, readCopies } from "./csv_relation.ts";
import type { CsvGroup, CsvPlan } from "./csv_scan.ts";

/**
 * CSV files of which the rows that do not fit are set aside: the copies say of each row where it stood, what
 * could not be split is written beside them, and values are tried by the casts that a read which sets nothing
 * aside would fail at.
 */

const SHOWN_CHARACTERS = 200;

export interface SetAsideRelations {
  readonly relation: string;
  readonly rejects: string;
}

/** `unsplit` is the relation of what could not be split. */
export function csvSetAside(
  plan: CsvPlan,
  extra: readonly PathColumn[],
  copies: CsvCopies,
  unsplit: string,
): SetAsideRelations {
  const groups = plan.groups.map((group) => triedGroup(plan, group, extra, copies));
  return {
    relation: `(${groups.map(({ fitting }) => fitting).join(" UNION ALL BY NAME ")})`,
    rejects: `(${[...groups.map(({ rejected }) => rejected), unsplit].join(" UNION ALL BY NAME ")})`,
  };
}

function triedGroup(plan: CsvPlan, group: CsvGroup, extra: readonly PathColumn[], copies: CsvCopies) {
  const columns = group.names.map((name, index) => {
    const column = plan.columns.get(name) ?? { name, type: "VARCHAR", isGiven: false };
    return { ...column, text: quoteIdentifier(name), value: `_sluice_value_${index}` };
  });
  const typed = columns.filter(({ type }) => !isTextType(type));
  const path = `substring(${PATH}, ${[...copies.prefix].length + 1})`;
  const texts = extra.map((column, index) => `, ${column.text(path)} AS ${PATH}_${index}`).join("");
  const tries = typed.map((column) => `, ${triedCast(column, plan.format)} AS ${column.value}`).join("");
  const from = `(SELECT *${texts}${tries} FROM ${readCopies(plan, group, copies, extra.length > 0)})`;
  const values = [
    ...columns.map(({ text, type, value }) => `${isTextType(type) ? text : value} AS ${text}`),
    ...extra.map((column, index) => `${column.value(`${PATH}_${index}`)} AS ${quoteIdentifier(column.name)}`),
  ];
  const isMisfit = ({ text, value }: (typeof typed)[number]) => `${text} IS NOT NULL AND ${value} IS NULL`;
  const misfits = typed.map((column) => `(${isMisfit(column)})`).join(" OR ") || "false";
  const reasons = typed.map((column) => {
    const { name, text, type } = column;
    const told = `concat(${quoteLiteral(`column "${name}" is "`)}, left(${text}, ${SHOWN_CHARACTERS}), ${
      quoteLiteral(`", expected ${type}`)
    })`;
    return `CASE WHEN ${isMisfit(column)} THEN ${told} END`;
  });
  const row = `to_json(struct_pack(${columns.map(({ text }) => `${text} := ${text}`).join(", ")}))`;
  return {
    fitting: `SELECT ${values.join(", ")} FROM ${from} WHERE NOT (${misfits})`,
    rejected:
      `SELECT ${values.join(", ")}, concat_ws('; ', ${[...reasons, "NULL"].join(", ")}) AS _sluice_reason, ` +
      `${PLACE} AS _sluice_position, CAST(${row} AS VARCHAR) AS _sluice_row FROM ${from} WHERE ${misfits}`,
  };
}
