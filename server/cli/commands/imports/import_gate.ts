import { join } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { MAX_ROWS } from "../../../../contract/queries/rows.ts";
import type { Answer } from "../../../../engine/definitions/dbt/context/rendering.ts";
import { modelText, type PlannedFile } from "../../../../engine/definitions/dbt/planned_file.ts";
import { foundColumns } from "../../../../engine/definitions/dbt/rounds/found_columns.ts";
import type { Gate } from "../../../../engine/definitions/dbt/rounds/plan_in_rounds.ts";
import { rewriteImport } from "../../../../engine/definitions/dbt/write_import.ts";
import type { OpenedLive } from "../../../backend.ts";
import type { CliContext } from "../../command.ts";
import { createCommandLog } from "../../command_log.ts";
import { connect, type Connection } from "../../connect.ts";
import { writeProjectSchemas } from "../../project_schemas.ts";

/** The new project as it is written, checked and asked while an import is planned. */
export interface ImportGate {
  check(files: readonly PlannedFile[]): Promise<Gate>;
  ask(pipeline: string, sql: string): Promise<Answer | undefined>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** An import may take its time: the machine is busy, or a project large. */
const BUDGET = { stallMs: 300_000, memoryBytes: 4_000_000_000 };

/** A name that no project has. */
const QUERY_MODEL = "sluice_import_query";

export function openImportGate(outDir: string, context: CliContext, signal: AbortSignal): ImportGate {
  const { backend, terminal } = context;
  const opened = new AsyncDisposableStack();
  let live: OpenedLive | undefined;
  let connection: Connection | undefined;
  let written: readonly PlannedFile[] = [];
  const connected = async (): Promise<Connection> => {
    if (connection !== undefined) return connection;
    const dataDir = await Deno.makeTempDir({ prefix: "sluice-import-" });
    opened.defer(() => Deno.remove(dataDir, { recursive: true }));
    const place = { projectDir: outDir, dataDir, policyPath: undefined };
    return connection = opened.use(await connect(place, context, "import", "read", { signal }));
  };
  return {
    async check(files) {
      const changed = await rewriteImport(outDir, written, files);
      written = files;
      if (live === undefined) {
        await writeProjectSchemas(outDir, await backend.projectSchemas());
        live = opened.use(
          await backend.openLive({
            projectDir: outDir,
            dataDir: join(outDir, ".sluice"),
            policyPath: undefined,
            log: createCommandLog(terminal),
            knownColumns: () => Promise.resolve({}),
            budget: BUDGET,
          }),
        );
      } else await live.checker.update({ changed });
      const { faults, pipelines } = live.checker.state;
      return {
        faults: [...faults.values()].flat().map(({ file, line, message, severity }) => ({
          kind: severity === "error" ? "hand" : "note",
          file,
          ...(line === undefined ? {} : { line }),
          message,
        })),
        columns: foundColumns(
          Object.assign({}, ...[...pipelines.values()].map(({ modelColumns }) => modelColumns)),
        ),
      };
    },
    // The query is a model for a moment, of which a preview builds all that it reads in a place of its own.
    async ask(pipeline, sql) {
      const path = join(outDir, "transforms", pipeline, `${QUERY_MODEL}.sql`);
      const { engine } = await connected();
      await Deno.writeTextFile(path, modelText({ materialized: "table" }, sql));
      try {
        const { columns, rows, truncated } = await engine.queries.preview({
          pipeline,
          model: QUERY_MODEL,
          project: { folder: outDir },
          limit: MAX_ROWS,
          cells: "text",
        }, signal);
        return truncated === null ? { columns, rows } : undefined;
      } catch (error) {
        // What it reads is a source's, or does not work yet: the template stays one, and its finding says why.
        if (error instanceof AppError && !signal.aborted) return undefined;
        throw error;
      } finally {
        await Deno.remove(path);
      }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
