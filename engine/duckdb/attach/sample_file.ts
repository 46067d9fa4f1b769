import type { TableSample } from "../../../contract/jobs/environments/environment_job.ts";
import type { WarehouseKey } from "../../../contract/keys/warehouse_key.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { withAttachedFiles } from "./attached_files.ts";
import { attachText } from "./encrypted.ts";
import { toOpenError } from "../open_error.ts";

export interface SampleOptions {
  /** Absolute, both; `targetPath` is a database that is there. */
  readonly path: string;
  readonly targetPath: string;
  /** Of both. */
  readonly key: WarehouseKey | undefined;
  readonly tempDirectory: string;
  readonly sample: TableSample;
  /** Tables of `_sluice` that are taken whole, with what of them. */
  readonly kept: Readonly<Record<string, string>>;
}

const [SOURCE, TARGET] = ["_sluice_source", "_sluice_target"];
/** The same rows each time, of a table that has the same ones. */
const SEED = 17;

/** Fills a database with a sample of another one's raw tables, each by itself. Throws what opening them throws. */
export async function sampleFile(
  { path, targetPath, key, tempDirectory, sample, kept }: SampleOptions,
): Promise<void> {
  await withAttachedFiles({ tempDirectory, module: key?.module }, async (run) => {
    for (const [file, name] of [[path, SOURCE], [targetPath, TARGET]] as const) {
      try {
        await run(attachText(file, name, [], key?.key));
      } catch (error) {
        throw toOpenError(error, file);
      }
    }
    // A sample of one thread is the same each time.
    await run("SET enable_external_access = false; SET threads = 1");
    const tables = await run(
      `SELECT table_name AS name FROM duckdb_tables()
       WHERE database_name = ${quoteLiteral(SOURCE)} AND schema_name = 'raw' ORDER BY ALL`,
    );
    for (const { name } of tables) {
      const table = `raw.${quoteIdentifier(String(name))}`;
      await run(
        `CREATE TABLE ${TARGET}.${table} AS FROM ${SOURCE}.${table} USING SAMPLE ${sampleText(sample)}`,
      );
    }
    for (const [name, condition] of Object.entries(kept)) {
      const table = `_sluice.${quoteIdentifier(name)}`;
      await run(`INSERT INTO ${TARGET}.${table} BY NAME FROM ${SOURCE}.${table} WHERE ${condition}`);
    }
    await run(`CHECKPOINT ${TARGET}; DETACH ${TARGET}; DETACH ${SOURCE}`);
  });
}

const sampleText = (sample: TableSample): string =>
  "rows" in sample
    ? `reservoir(${sample.rows} ROWS) REPEATABLE (${SEED})`
    : `bernoulli(${sample.percent}%) REPEATABLE (${SEED})`;
