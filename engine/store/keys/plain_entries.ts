import { sql } from "drizzle-orm";
import type { ConnectorDefinition } from "../../../contract/connector/entry.ts";
import type { NotifierDefinition } from "../../../contract/alerts/notifiers.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Sealer } from "../../../contract/keys/sealer.ts";
import { type Database, storing } from "../database.ts";
import { connectors, notifiers, revisions } from "../schema.ts";
import { sealConnector, sealNotifier, sealRevision } from "./sealed_entries.ts";
import { inOneBatch } from "./sealed_places.ts";

/** Entries of connectors.yaml and notifiers.yaml that a version before sealed ones has left in the store as they are. */
export interface PlainEntries {
  /**
   * Seals them, batch by batch, and then writes the file anew, so that nothing of them is left in it. Whoever dies in
   * between has lost nothing: the next call does what is left. Returns how many it has sealed. Throws as Sealer.seal
   * does, and `unavailable` where they are sealed but the file cannot be written anew now.
   */
  seal(): Promise<number>;
}

const BATCH = 100;
const REWRITE = "rewrite";

export function createPlainEntries(
  db: Database,
  { sealer, isFile }: { readonly sealer: Sealer; readonly isFile: boolean },
): PlainEntries {
  const kinds = kindsOf(db, sealer);
  return {
    async seal() {
      const action = "look for entries that are not sealed";
      const [left] = await storing(
        action,
        db.all<{ entries: number; rewrite: number }>(sql`select
          exists (select 1 from connectors where sealed is null)
            or exists (select 1 from notifiers where sealed is null)
            or exists (select 1 from revisions where sealed_connectors is null and connectors <> '{}') as entries,
          exists (select 1 from upkeep where task = ${REWRITE}) as rewrite`),
      );
      let count = 0;
      if (left?.entries === 1) {
        // Before the first of them: none must be sealed and its plain text be forgotten in the file.
        await storing(
          action,
          db.run(sql`insert into upkeep (task) values (${REWRITE}) on conflict do nothing`),
        );
        for (const kind of kinds) {
          for (let sealed = BATCH; sealed === BATCH; count += sealed) sealed = await kind();
        }
      }
      if (count > 0 || left?.rewrite === 1) {
        if (isFile) await writeAnew(db);
        await storing(
          "note that the file was written anew",
          db.run(sql`delete from upkeep where task = ${REWRITE}`),
        );
      }
      return count;
    },
  };
}

/** What seals the next batch of a kind. Another process may do the same: a row that is sealed by now stays as it is. */
function kindsOf(db: Database, sealer: Sealer): (() => Promise<number>)[] {
  const ofTable = <Entry>(
    table: typeof connectors | typeof notifiers,
    seal: (name: string, entry: Entry) => Promise<{ definition: object; sealed: string }>,
  ) =>
  async () => {
    const plain = sql`${table.sealed} is null`;
    const query = db.all<{ name: string; plain: string }>(
      sql`select name, definition as plain from ${table} where ${plain} limit ${BATCH}`,
    );
    const rows = await storing("read entries that are not sealed", query);
    const sealed = await Promise.all(rows.map(async (row) => ({
      ...row,
      ...await seal(row.name, JSON.parse(row.plain)),
    })));
    const updates = sealed.map((row) =>
      db.run(sql`update ${table} set definition = ${JSON.stringify(row.definition)}, sealed = ${row.sealed}
        where name = ${row.name} and definition = ${row.plain} and ${plain}`)
    );
    await inOneBatch(db, "seal entries", updates);
    return rows.length;
  };
  return [
    ofTable(connectors, (name, entry: ConnectorDefinition) => sealConnector(sealer, name, entry)),
    ofTable(notifiers, (name, entry: NotifierDefinition) => sealNotifier(sealer, name, entry)),
    async () => {
      const plain = sql`sealed_connectors is null and connectors <> '{}'`;
      const query = db.all<{ id: string; plain: string }>(
        sql`select id, connectors as plain from ${revisions} where ${plain} limit ${BATCH}`,
      );
      const rows = await storing("read revisions that are not sealed", query);
      const sealed = await Promise.all(rows.map(async (row) => ({
        id: row.id,
        ...await sealRevision(sealer, row.id, JSON.parse(row.plain)),
      })));
      const updates = sealed.map(({ id, connectors: heads, sealedConnectors }) =>
        db.run(sql`update ${revisions}
          set connectors = ${JSON.stringify(heads)}, sealed_connectors = ${sealedConnectors}
          where id = ${id} and ${plain}`)
      );
      await inOneBatch(db, "seal revisions", updates);
      return rows.length;
    },
  ];
}

/**
 * What was in rows stays in the file's free pages, and in pages of its log, until they are used again. The copy that is
 * made meanwhile is a file beside others, not memory.
 */
async function writeAnew({ $client: client }: Database): Promise<void> {
  const action = "write its file anew without plain text";
  await storing(
    action,
    client.executeMultiple("pragma temp_store = file; vacuum; pragma temp_store = default"),
  );
  const { rows: [state] } = await storing(action, client.execute("pragma wal_checkpoint(truncate)"));
  if (state?.["busy"] !== 0) {
    throw new AppError(
      "unavailable",
      `Cannot ${action}: another process is reading it; the next start tries again`,
    );
  }
}
