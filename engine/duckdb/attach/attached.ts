import duckdb from "@duckdb/node-bindings";
import type { WarehouseKey } from "../../../contract/keys/warehouse_key.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import { attachText, loadCrypto } from "./encrypted.ts";

/** What a database in memory reads beside itself: files, which it changes nothing in, or views over files. Paths are absolute. */
export type AttachedDatabase =
  | { readonly name: string; readonly path: string; readonly key?: WarehouseKey }
  | {
    readonly name: string;
    /** Each over the file at `path`, which SQL may read. */
    readonly views: readonly { readonly name: string; readonly sql: string; readonly path: string }[];
  };

export const attachedPaths = (attached: readonly AttachedDatabase[]): string[] =>
  attached.flatMap((one) => "views" in one ? one.views.map(({ path }) => path) : []);

/** To be called before the configuration is locked. */
export async function attachAll(
  connection: duckdb.Connection,
  attached: readonly AttachedDatabase[],
): Promise<void> {
  const module = attached.flatMap((one) => "key" in one && one.key !== undefined ? [one.key.module] : [])[0];
  if (module !== undefined) await loadCrypto(connection, module);
  for (const one of attached) {
    if ("path" in one) {
      await duckdb.query(connection, attachText(one.path, one.name, ["READ_ONLY"], one.key?.key));
      continue;
    }
    await duckdb.query(connection, `ATTACH ':memory:' AS ${quoteIdentifier(one.name)}`);
    for (const { name, sql } of one.views) {
      const view = `${quoteIdentifier(one.name)}.main.${quoteIdentifier(name)}`;
      await duckdb.query(connection, `CREATE VIEW ${view} AS ${sql}`);
    }
  }
}
