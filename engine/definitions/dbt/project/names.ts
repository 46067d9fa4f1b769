import { nameFault } from "../../../../contract/names.ts";
import type { Findings } from "../findings.ts";
import type { DbtFile } from "./read_project.ts";
import type { Properties, SourceTable } from "./properties.ts";
import { listOf, optionalText, textsOf } from "./settings.ts";
import { isRecord } from "../../../../text/is_record.ts";

/** What the names of a dbt project are called here. */

/** The stream of each table of a source, by `source.table`: the table's name, with its source's in front where two have it. */
export function streamNames(
  sources: readonly SourceTable[],
  findings: Findings,
): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  for (const { name } of sources) {
    const key = plainName(name).toLowerCase();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const names = new Map<string, string>();
  for (const { file, sourceName, name } of sources) {
    const plain = plainName(name);
    const isShared = (counts.get(plain.toLowerCase()) ?? 0) > 1;
    const long = plainName(`${sourceName}_${name}`);
    const stream = isShared || nameFault("stream", plain) !== undefined ? long : plain;
    if (stream !== name) findings.note(file, `the source ${sourceName}.${name} is raw.${stream}`);
    names.set(`${sourceName}.${name}`, stream);
  }
  return names;
}

export const plainName = (name: string): string =>
  name.replace(/\W+/g, "_").replace(/^(?=\d)/, "_").slice(0, 63);

/** Names in SQL by what `ref()` calls them; `known` are those of all models, seeds and snapshots. */
export function referenceNames(
  known: ReadonlySet<string>,
  properties: Properties,
): (name: string, version: string | undefined) => string | undefined {
  const latest = new Map<string, string>();
  const defined = new Map<string, string>();
  for (const [name, { value }] of properties.models) {
    const versions = listOf(value["versions"]).filter(isRecord);
    for (const version of versions) {
      const file = optionalText(version["defined_in"]);
      defined.set(`${name}:${String(version["v"])}`, file ?? `${name}_v${String(version["v"])}`);
    }
    const last = value["latest_version"] ??
      textsOf(versions.map((version) => version["v"])).toSorted().at(-1);
    if (versions.length > 0) latest.set(name, String(last));
  }
  return (name, version) => {
    const wanted = version ?? latest.get(name);
    const file = wanted === undefined ? name : defined.get(`${name}:${wanted}`) ?? `${name}_v${wanted}`;
    return known.has(file) ? file : known.has(name) ? name : undefined;
  };
}

/** The later of two files of a name goes, which is the project's own before a package's. */
export function uniqueFiles(files: readonly DbtFile[], findings: Findings): DbtFile[] {
  const byName = new Map<string, DbtFile>();
  for (const file of files) {
    const key = file.name.toLowerCase();
    const before = byName.get(key);
    if (before !== undefined) {
      findings.hand(before.path, `is left out: ${file.path} makes a table of the same name`);
    }
    byName.set(key, file);
  }
  return [...byName.values()];
}
