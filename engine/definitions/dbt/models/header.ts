import { isRecord } from "../../../../text/is_record.ts";
import type { Findings } from "../findings.ts";
import type { Entry } from "../project/properties.ts";
import type { DbtFile, Dict } from "../project/read_project.ts";
import { optionalText, textsOf } from "../project/settings.ts";
import { columnsAndChecks } from "./columns_and_checks.ts";
import type { ModelWork } from "./imported_model.ts";
import { oneLine } from "./one_line.ts";

/** The header of a model: what dbt's settings and YAML say of it. */

export function headerOf(
  file: DbtFile,
  entry: Entry | undefined,
  config: Dict,
  work: ModelWork,
): Record<string, unknown> {
  const { findings } = work;
  const { path, name } = file;
  const header: Record<string, unknown> = {};
  const description = optionalText(entry?.value["description"]);
  if (description !== undefined) header["description"] = oneLine(work.context.describe(description));
  const tags = textsOf(config["tags"]);
  if (tags.length > 0) header["tags"] = tags;
  buildKeys(path, config, header, findings);
  work.hooks.add(path, config);
  const alias = optionalText(config["alias"]);
  if (alias !== undefined && alias !== name) {
    findings.note(path, `alias ${alias} is left out: the table has the file's name, ${name}`);
  }
  if (entry === undefined) return header;
  const contract = config["contract"];
  const isEnforced = isRecord(contract) && contract["enforced"] === true;
  Object.assign(header, columnsAndChecks(entry.value, name, work.checks(entry.file), isEnforced));
  return header;
}

const MATERIALIZED = new Set(["table", "view", "incremental", "ephemeral"]);

/** dbt's own default is `view`. */
function buildKeys(path: string, config: Dict, header: Record<string, unknown>, findings: Findings): void {
  const written = optionalText(config["materialized"]) ?? "view";
  const materialized = MATERIALIZED.has(written) ? written : "table";
  if (materialized !== written) {
    const message = `materialized: ${written} is a table here`;
    if (written === "materialized_view") findings.note(path, message);
    else findings.hand(path, message);
  }
  header["materialized"] = materialized;
  if (materialized !== "incremental") return;
  const keys = textsOf(config["unique_key"]).flatMap((key) => key.split(",")).map((key) => key.trim());
  const strategy = optionalText(config["incremental_strategy"]) ?? (keys.length === 0 ? "append" : "merge");
  const isPlain = keys.every((key) => /^\w+$/.test(key));
  if (strategy === "microbatch" || !isPlain) {
    header["materialized"] = "table";
    findings.hand(
      path,
      strategy === "microbatch"
        ? "strategy microbatch is a table here: as strategy: delete_insert its SQL has to take the rows of the window itself"
        : `unique_key ${keys.join(", ")} is an expression: it is a table, until a column has that value`,
    );
    return;
  }
  const partitions = textsOf(
    isRecord(config["partition_by"]) ? config["partition_by"]["field"] : config["partition_by"],
  );
  if (strategy === "insert_overwrite" && partitions.length > 0) {
    header["strategy"] = "insert_overwrite";
    header["partition_by"] = partitions;
  } else if (keys.length === 0 || strategy === "append") header["strategy"] = "append";
  else {
    header["primary_key"] = keys;
    if (strategy === "delete+insert") {
      findings.note(
        path,
        "strategy delete+insert is merge here: a unique_key that comes twice in the query is a fault",
      );
    }
  }
  const onSchemaChange = optionalText(config["on_schema_change"]);
  if (onSchemaChange !== undefined) header["on_schema_change"] = onSchemaChange;
  if (config["full_refresh"] === false) header["full_refresh"] = false;
}
