import { listWords } from "../../../../text/suggest.ts";
import { isRecord } from "../../../../text/is_record.ts";
import type { Findings } from "../findings.ts";
import type { Dict } from "../project/read_project.ts";
import { listOf } from "../project/settings.ts";
import type { ImportedModel } from "./imported_model.ts";

/** Models that the first run leaves alone, so that the others run: those that need a hand before, and what reads them. */

/**
 * Why each is off, by the model's name. `roots` are those that cannot be built yet and why, models, seeds and files that were
 * left out, by their names.
 */
export function switchedOff(
  models: readonly ImportedModel[],
  roots: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const off = new Map<string, string>();
  const isOff = (name: string) => roots.has(name) || off.has(name);
  for (const { name } of models) if (roots.has(name)) off.set(name, roots.get(name) ?? "");
  for (let before = -1; before !== off.size;) {
    before = off.size;
    for (const { name, references } of models) {
      const reads = [...references].filter((one) => one !== name && isOff(one));
      if (!off.has(name) && reads.length > 0) off.set(name, `reads ${listWords(reads)}`);
    }
  }
  return off;
}

/** Checks of models that are on, of tables that are not. */
export function withoutChecksOf(
  isOff: (name: string) => boolean,
  model: ImportedModel,
  findings: Findings,
): ImportedModel {
  const kept = (about: unknown): Dict => {
    if (!isRecord(about) || about["checks"] === undefined) return isRecord(about) ? about : {};
    const { checks, ...others } = about;
    const left = listOf(checks).filter((check) => {
      const read = tablesOf(check).find(isOff);
      if (read === undefined) return true;
      findings.hand(
        model.file.path,
        `the check ${JSON.stringify(check)} is left out: it reads ${read}, which is switched off`,
      );
      return false;
    });
    return left.length === 0 ? others : { ...others, checks: left };
  };
  const { columns } = model.header;
  return {
    ...model,
    header: {
      ...kept(model.header),
      ...(isRecord(columns)
        ? {
          columns: Object.fromEntries(Object.entries(columns).map(([name, about]) => [name, kept(about)])),
        }
        : {}),
    },
  };
}

/** Names of the tables that a check reads, beside those of its own subqueries. */
function tablesOf(check: unknown): string[] {
  if (!isRecord(check)) return [];
  const { relationships, sql } = check;
  const named = isRecord(relationships) ? [String(relationships["to"])] : [];
  const read = [...String(sql ?? "").matchAll(/\b(?:from|join)\s+((?:main\.)?"?\w+"?)/gi)].map((
    [, name = ""],
  ) => name);
  return [...named, ...read].map((name) => name.replace(/^main\./, "").replaceAll('"', ""));
}
