import { isRecord } from "../../../../text/is_record.ts";
import { plainName } from "../project/names.ts";
import type { Findings } from "../findings.ts";
import type { Entry } from "../project/properties.ts";
import type { DbtFile, Dict } from "../project/read_project.ts";
import { listOf, optionalText } from "../project/settings.ts";

/** Unit tests of dbt as `tests/*.yaml`. */

export interface UnitTests {
  /** By the model. */
  readonly tests: ReadonlyMap<string, readonly Dict[]>;
  /** CSV files beside them, by their names. */
  readonly files: ReadonlyMap<string, string>;
}

export interface KnownOfTests {
  readonly pipeline: string;
  table(text: string): string | undefined;
  /** Variables that SQL reads when it runs. */
  readonly variables: ReadonlySet<string>;
  /** Models that are built on what is there. */
  readonly incremental: ReadonlySet<string>;
}

export function unitTestsOf(
  entries: readonly Entry[],
  fixtures: readonly DbtFile[],
  known: KnownOfTests,
  findings: Findings,
): UnitTests {
  const tests = new Map<string, Dict[]>();
  const files = new Map<string, string>();
  for (const { file, value } of entries) {
    const model = String(value["model"]);
    const name = String(value["name"]);
    const hand = (why: string) => findings.hand(file, `the unit test ${name} is left out: ${why}`);
    const rows = (of: Dict, label: string): unknown => {
      const fixture = optionalText(of["fixture"]);
      const written = of["rows"];
      const text = fixture === undefined
        ? typeof written === "string" ? written : undefined
        : fixtures.find((one) => one.name === fixture && one.path.endsWith(".csv"))?.text;
      if (of["format"] === "sql" || fixture !== undefined && text === undefined) return undefined;
      if (text === undefined) return listOf(written);
      const path = `${plainName(name)}_${label}.csv`;
      files.set(path, text.replace(/^\s+/gm, "").trimEnd() + "\n");
      return path;
    };
    const given: Record<string, unknown> = {};
    let isWhole = true;
    listOf(value["given"]).filter(isRecord).forEach((input, at) => {
      const written = String(input["input"]).trim();
      const table = written === "this" ? model : known.table(written);
      const of = rows(input, `given_${at + 1}`);
      if (table === undefined || of === undefined) isWhole = false;
      else given[table] = of;
    });
    const expect = isRecord(value["expect"]) ? rows(value["expect"], "expect") : undefined;
    const overrides = isRecord(value["overrides"]) ? value["overrides"] : {};
    const vars = isRecord(overrides["vars"]) ? overrides["vars"] : {};
    const macros = isRecord(overrides["macros"]) ? overrides["macros"] : {};
    const isFullMacro = Object.keys(macros).some((macro) => macro !== "is_incremental");
    // Here the rows that are there say whether it is the first time.
    const own = given[model];
    const isLater = macros["is_incremental"] === true;
    if (!isLater) delete given[model];
    const hasOwn = typeof own === "string" || Array.isArray(own) && own.length > 0;
    if (isLater && !(hasOwn && known.incremental.has(model))) {
      hand("is_incremental is true in it, which here are rows of the model itself, of an incremental model");
    } else if (!isWhole || expect === undefined) hand("its rows are SQL, or of a table that is not there");
    else if (isFullMacro) hand("it gives macros other values");
    else if (Object.keys(vars).some((one) => !known.variables.has(one))) {
      hand("it gives a variable that is written out in the SQL another value");
    } else {
      const description = optionalText(value["description"]);
      const of = tests.get(model) ?? [];
      of.push({
        name,
        ...(description === undefined ? {} : { description }),
        model: `${known.pipeline}.${model}`,
        given,
        expect,
        ...(Object.keys(vars).length === 0 ? {} : { params: vars }),
      });
      tests.set(model, of);
    }
  }
  return { tests, files };
}
