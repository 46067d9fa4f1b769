import { isRecord } from "../../../../text/is_record.ts";
import type { Findings } from "../findings.ts";
import type { Entry } from "../project/properties.ts";
import type { DbtFile, Dict } from "../project/read_project.ts";
import { optionalText, textsOf } from "../project/settings.ts";
import { columnsAndChecks } from "./columns_and_checks.ts";
import type { ModelWork } from "./imported_model.ts";
import { microbatchKeys } from "./microbatch.ts";
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
  Object.assign(header, buildKeys(path, config, findings));
  work.hooks.add(path, config);
  const alias = optionalText(config["alias"]);
  if (alias !== undefined && alias !== name) {
    findings.note(path, `alias ${alias} is left out: the table has the file's name, ${name}`);
  }
  if (entry === undefined) return header;
  const contract = config["contract"];
  const isEnforced = isRecord(contract) && contract["enforced"] === true;
  Object.assign(header, columnsAndChecks(entry.value, name, work.checks(entry.file), isEnforced));
  if (isEnforced && hasAllTypes(header["columns"])) header["contract"] = true;
  return header;
}

const hasAllTypes = (columns: unknown): boolean =>
  isRecord(columns) && Object.values(columns).every((about) => isRecord(about) && "type" in about);

const MATERIALIZED = new Set(["table", "view", "incremental", "ephemeral"]);

/** How it is built; dbt's own default is `view`. */
function buildKeys(path: string, config: Dict, findings: Findings): Record<string, unknown> {
  const written = optionalText(config["materialized"]) ?? "view";
  if (written === "incremental") return incrementalKeys(path, config, findings);
  if (MATERIALIZED.has(written)) return { materialized: written };
  const message = `materialized: ${written} is a table here`;
  if (written === "materialized_view") findings.note(path, message);
  else findings.hand(path, message);
  return { materialized: "table" };
}

function incrementalKeys(path: string, config: Dict, findings: Findings): Record<string, unknown> {
  const keys = textsOf(config["unique_key"]).flatMap((key) => key.split(",")).map((key) => key.trim());
  const strategy = optionalText(config["incremental_strategy"]) ?? (keys.length === 0 ? "append" : "merge");
  const onSchemaChange = optionalText(config["on_schema_change"]);
  const common = {
    materialized: "incremental",
    ...(onSchemaChange === undefined ? {} : { on_schema_change: onSchemaChange }),
    ...(config["full_refresh"] === false ? { full_refresh: false } : {}),
  };
  if (!keys.every((key) => /^\w+$/.test(key))) {
    findings.hand(
      path,
      `unique_key ${keys.join(", ")} is an expression: it is a table, until a column has that value`,
    );
    return { materialized: "table" };
  }
  if (strategy === "microbatch") {
    const batches = microbatchKeys(config);
    if (batches !== undefined) return { ...common, ...batches };
    findings.hand(path, "strategy microbatch without event_time, batch_size and begin is a table here");
    return { materialized: "table" };
  }
  const partitions = textsOf(
    isRecord(config["partition_by"]) ? config["partition_by"]["field"] : config["partition_by"],
  );
  if (strategy === "insert_overwrite" && partitions.length > 0) {
    return { ...common, strategy: "insert_overwrite", partition_by: partitions };
  }
  if (keys.length === 0 || strategy === "append") return { ...common, strategy: "append" };
  if (strategy === "delete+insert") {
    findings.note(
      path,
      "strategy delete+insert is merge here: a unique_key that comes twice in the query is a fault",
    );
  }
  return { ...common, primary_key: keys };
}
