import { deepEqual, rejects } from "node:assert/strict";
import { mendRevisions } from "../../../../engine/definitions/mend_revisions.ts";
import { revisionId } from "../../../../engine/definitions/revision.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { formatFault } from "../../../../text/fault.ts";
import { aesSealer } from "../../../support/aes_sealer.ts";
import { revision, StoreFixture } from "../store/store_fixture.ts";

/** Revisions whose connectors were sealed by a key that is lost. */

const SHOP = { type: "postgres", host: "db" } as const;

async function put(store: Store, name: string, connectors: Record<string, { type: string; host: string }>) {
  const stream = { connector: "shop", stream: "orders" };
  const { id: _, ...parts } = revision({ pipeline: name, connectors });
  const definition = {
    ...parts.definition,
    extract: { orders: stream },
  } as unknown as typeof parts.definition;
  // As the store gives it back, with the defaults of today.
  await store.revisions.save({ ...parts, definition, id: "draft" }, []);
  const read = (await store.revisions.get("draft"))?.revision.definition ?? definition;
  const id = await revisionId({ ...parts, definition: read });
  await store.revisions.save({ ...parts, definition: read, id }, []);
  await store.pipelines.put({ name, origin: "api", revision: id, faults: [] });
  return id;
}

Deno.test("revisions of the API whose key is lost get their connectors from the project, where those are the same", async () => {
  await using fixture = new StoreFixture();
  const before = await fixture.open();
  const same = await put(before, "same", { shop: SHOP });
  const other = await put(before, "other", { shop: { ...SHOP, host: "elsewhere" } });
  const store = await fixture.open({ sealer: aesSealer() });
  const records = await store.pipelines.list();
  await rejects(store.revisions.connectors(same));

  const faults = await mendRevisions(store, records, { shop: SHOP });
  deepEqual(await store.revisions.connectors(same), { shop: SHOP });
  await rejects(store.revisions.connectors(other));
  deepEqual(faults.map(formatFault), [
    'connectors.yaml: warning: the pipeline "other" cannot run: the key of its connectors is lost, and connectors.yaml ' +
    "says something else by now; put it again",
  ]);
  // With the key nothing is mended, and nobody warned.
  deepEqual(await mendRevisions(before, records.filter(({ name }) => name === "other"), {}), []);
});
