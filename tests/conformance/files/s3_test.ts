import { s3 } from "../../../connectors/s3/connector.ts";
import { S3_KEYS, S3Bucket } from "../../support/s3_bucket.ts";
import { CSV_TYPES } from "./csv_types.ts";
import type { RunningSystem } from "../fixture.ts";
import { conformance, conformanceOfLoads } from "../suite.ts";

/** A bucket of its own; each table is a folder of files, or a file. */
async function startBucket(
  pathOf: (table: string) => { readonly target: string; readonly path: string },
  options: Readonly<Record<string, unknown>>,
): Promise<RunningSystem> {
  const bucket = await S3Bucket.create();
  const projectDir = await Deno.makeTempDir({ prefix: "sluice-s3-" });
  return {
    config: bucket.config({ prefix: "data" }),
    projectDir,
    target: (table) => ({ path: pathOf(table).target, options }),
    stream: (table) => ({ path: pathOf(table).path }),
    brokenConfig: bucket.config({ endpoint: "http://127.0.0.1:1" }),
    secrets: [S3_KEYS.secret_access_key],
    async [Symbol.asyncDispose]() {
      await bucket[Symbol.asyncDispose]();
      await Deno.remove(projectDir, { recursive: true });
    },
  };
}

conformance({
  name: "s3, a folder of Parquet",
  connector: s3,
  start: () => startBucket((table) => ({ target: `${table}/`, path: `${table}/*.parquet` }), {}),
  typeBack: (type) => (type === "HUGEINT" ? "DECIMAL(38,0)" : type),
  modes: ["replace", "append", "merge"],
});

conformanceOfLoads({
  name: "s3, a partitioned folder of Parquet",
  connector: s3,
  start: () => startBucket((table) => ({ target: `${table}/`, path: `${table}/**/*.parquet` }), {}),
  typeBack: (type) => type,
  modes: ["delete_insert"],
});

conformance({
  name: "s3, a Parquet file",
  connector: s3,
  start: () =>
    startBucket((table) => ({ target: `${table}.parquet`, path: `${table}.parquet` }), {
      compression: "zstd",
    }),
  typeBack: (type) => (type === "HUGEINT" ? "DECIMAL(38,0)" : type),
  modes: ["replace", "merge"],
});

conformance({
  name: "s3, a folder of Arrow",
  connector: s3,
  start: () =>
    startBucket((table) => ({ target: `${table}/`, path: `${table}/*.arrow` }), { format: "arrow" }),
  typeBack: (type) => (type === "HUGEINT" ? "DECIMAL(38,0)" : type),
  modes: ["replace"],
});

conformance({
  name: "s3, a CSV file",
  connector: s3,
  start: () => startBucket((table) => ({ target: `${table}.csv`, path: `${table}.csv` }), {}),
  typeBack: (type) => CSV_TYPES[type] ?? type,
  modes: ["replace", "merge"],
});
