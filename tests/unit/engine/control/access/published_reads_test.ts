import { deepEqual, equal, rejects } from "node:assert/strict";
import { createAccess } from "../../../../../contract/access/access.ts";
import { permissionsOf } from "../../../../../contract/access/permissions.ts";
import { guardedEngine } from "../../../../../engine/control/access/guarded_engine.ts";
import type { Engine } from "../../../../../engine/control/engine.ts";
import { FakeEngine } from "../../../../support/fake_engine.ts";
import { fakePlaces } from "../../../../support/fake_places.ts";
import { createFakeProject } from "../../../../support/fake_project.ts";

/** An engineer of one pipeline, who looks at another one's runs alone. */
function engineer(engine: FakeEngine): Engine {
  const on = (role: "engineer" | "viewer", name: string) => ({
    role,
    permissions: permissionsOf(role),
    scope: { kind: "pipeline" as const, name },
  });
  const access = createAccess({
    principal: { id: "ann", name: "ann", kind: "person", via: "session" },
    groups: [],
    roles: [on("engineer", "crm_sync"), on("viewer", "flights")],
  });
  return guardedEngine(engine, access, fakePlaces(engine));
}

Deno.test("who puts a definition in force has to see the data of the pipelines that it reads from", async () => {
  const engine = createFakeProject();
  const put = (...pipelines: string[]) => {
    engine.readsFrom = pipelines;
    return engineer(engine).putPipeline("crm_sync", { definition: {}, models: {} });
  };
  equal((await put("crm_sync")).name, "crm_sync");
  await rejects(put("crm_sync", "flights"), { code: "forbidden", message: /pipeline "flights"/ });
  // One that may not even be looked at is not there.
  await rejects(put("web_events"), { code: "not_found", message: /There is no pipeline "web_events"/ });
});

Deno.test("lineage goes through to no pipeline that whoever asks may not look at", async () => {
  const engine = createFakeProject();
  await engineer(engine).getLineage("crm_sync");
  const seen = ["crm_sync", "flights", "web_events"].map((name) => engine.mayViewOfLineage?.(name));
  deepEqual(seen, [true, true, false]);
});
