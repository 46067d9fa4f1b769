import type { Context } from "../context/context.ts";
import { isGenericTest } from "../context/macro_files.ts";
import { faultOf, type Findings } from "../findings.ts";
import { takenNames } from "../models/import_model.ts";
import type { ImportedModel } from "../models/imported_model.ts";
import { plainName } from "../project/names.ts";
import type { DbtProject } from "../project/read_project.ts";
import { listOf } from "../project/settings.ts";

/** Singular tests become checks of a model that they read; the rest is returned: of a stream, where they read no model. */
export function addSingularTests(
  project: DbtProject,
  models: readonly ImportedModel[],
  context: Context,
  findings: Findings,
): ReadonlyMap<string, unknown[]> {
  const ofStreams = new Map<string, unknown[]>();
  for (const file of project.files.tests) {
    if (!file.path.endsWith(".sql") || isGenericTest(file.text)) continue;
    const { path, text, name } = file;
    try {
      const { sql, config, references, sources } = context.render({
        file: path,
        text,
        name,
        settings: {},
        isIncremental: false,
        taken: takenNames(text),
      });
      if (config["enabled"] === false) continue;
      const check = {
        name: plainName(name),
        sql: sql.replace(/[\uE000\uE002]|\uE000[^\uE001]*\uE001/g, "").trim(),
        ...(String(config["severity"]).toLowerCase() === "warn" ? { severity: "warn" } : {}),
      };
      const model = models.findLast((one) => references.has(one.name));
      const [stream] = sources;
      if (model !== undefined) model.header["checks"] = [...listOf(model.header["checks"]), check];
      else if (stream !== undefined) ofStreams.set(stream, [...ofStreams.get(stream) ?? [], check]);
      else findings.hand(path, "is left out: a test that reads no model and no source belongs to none");
    } catch (error) {
      const { message, line } = faultOf(error);
      findings.hand(path, `the test is left out: ${message}`, line);
    }
  }
  return ofStreams;
}
