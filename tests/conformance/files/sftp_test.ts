import { sftp } from "../../../connectors/sftp/connector.ts";
import { SftpFolder } from "../../support/sftp_folder.ts";
import { CSV_TYPES } from "./csv_types.ts";
import type { RunningSystem } from "../fixture.ts";
import { conformance, conformanceOfLoads } from "../suite.ts";

/** A folder of its own; each table is a folder of files, or a file. */
async function startFolder(
  pathOf: (table: string) => { readonly target: string; readonly path: string },
  options: Readonly<Record<string, unknown>> = {},
): Promise<RunningSystem> {
  const folder = await SftpFolder.create();
  const projectDir = await Deno.makeTempDir({ prefix: "sluice-sftp-" });
  const wrong = "wr0ng-password";
  return {
    config: folder.config(),
    projectDir,
    target: (table) => ({ path: pathOf(table).target, options }),
    stream: (table) => ({ path: pathOf(table).path }),
    brokenConfig: folder.config({ password: wrong }),
    secrets: [folder.server.password],
    async [Symbol.asyncDispose]() {
      await folder[Symbol.asyncDispose]();
      await Deno.remove(projectDir, { recursive: true });
    },
  };
}

conformance({
  name: "sftp, a folder of Parquet",
  connector: sftp,
  start: () => startFolder((table) => ({ target: `${table}/`, path: `${table}/*.parquet` })),
  typeBack: (type) => (type === "HUGEINT" ? "DECIMAL(38,0)" : type),
  modes: ["replace", "append", "merge"],
});

conformanceOfLoads({
  name: "sftp, a CSV file",
  connector: sftp,
  start: () => startFolder((table) => ({ target: `${table}.csv`, path: `${table}.csv` })),
  typeBack: (type) => CSV_TYPES[type] ?? type,
  modes: ["replace", "merge"],
});
