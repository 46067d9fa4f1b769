import { isRecord } from "../../../../text/is_record.ts";
import { type PlannedFile, yamlText } from "../planned_file.ts";
import type { Properties } from "../project/properties.ts";
import type { DbtFile, Dict } from "../project/read_project.ts";
import { hasName, readSeedCsv } from "../project/seed_csv.ts";
import { optionalText, textsOf } from "../project/settings.ts";
import { duckType } from "../project/types.ts";
import type { CheckContext } from "../tests/checks.ts";
import { columnsAndChecks } from "./columns_and_checks.ts";
import { oneLine } from "./one_line.ts";

/** A seed's CSV, with what YAML says of it; nothing for one that dbt has switched off. `isOff`: it is not to be read yet. */
export function seedFiles(
  file: DbtFile,
  settings: Dict,
  properties: Properties,
  checks: (file: string) => CheckContext,
  isOff: boolean,
): PlannedFile[] {
  if (settings["enabled"] === false) return [];
  const entry = properties.seeds.get(file.name);
  const about = entry === undefined
    ? {}
    : columnsAndChecks(entry.value, file.name, checks(entry.file), false);
  const csv = readSeedCsv(file, settings);
  if (csv.fault !== undefined) checks(file.path).hand(csv.fault);
  for (const name of csv.zeros) {
    checks(file.path).note(
      `${name} has numbers such as 007, which stay text here and lose their zeros in dbt`,
    );
  }
  const columns: Record<string, unknown> = { ...(isRecord(about["columns"]) ? about["columns"] : {}) };
  for (
    const [name, type] of Object.entries(isRecord(settings["column_types"]) ? settings["column_types"] : {})
  ) {
    // They are said for a folder as well, of whose files not all have the column.
    if (!hasName(csv.columns, name)) continue;
    columns[name] = { type: duckType(String(type)), ...(isRecord(columns[name]) ? columns[name] : {}) };
  }
  for (const [name, type] of csv.types) {
    const about = Object.entries(columns).find(([one]) => hasName([one], name));
    const said = isRecord(about?.[1]) ? about[1] : {};
    if (!("type" in said)) columns[about?.[0] ?? name] = { type, ...said };
  }
  const description = optionalText(entry?.value["description"]);
  const tags = textsOf(settings["tags"]);
  const said = {
    ...(isOff ? { enabled: false } : {}),
    ...(description === undefined ? {} : { description: oneLine(checks(file.path).describe(description)) }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(Object.keys(columns).length === 0 ? {} : { columns }),
    ...("checks" in about ? { checks: about["checks"] } : {}),
  };
  return [
    { path: `seeds/${file.name}.csv`, content: csv.text },
    ...(Object.keys(said).length === 0 ? [] : [{ path: `seeds/${file.name}.yaml`, content: yamlText(said) }]),
  ];
}
