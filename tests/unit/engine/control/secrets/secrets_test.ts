import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import type { AuditActor, AuditEntry } from "../../../../../contract/audit/entry.ts";
import type { PipelineDefinition } from "../../../../../contract/pipeline/pipeline.ts";
import { AppError } from "../../../../../contract/errors.ts";
import { auditedSecrets } from "../../../../../engine/control/audit/audited_secrets.ts";
import { openSecrets } from "../../../../../engine/control/secrets/open_secrets.ts";
import { secretPlace } from "../../../../../engine/store/ports/secrets.ts";
import { recordedAudit } from "../../../../support/recorded_audit.ts";
import { KeysFixture } from "../../keys/keys_fixture.ts";
import { revision } from "../../store/store_fixture.ts";

const MIA: AuditActor = { id: "1", name: "mia", kind: "person" };
const PEM = "-----BEGIN KEY-----\ncanary\n-----END KEY-----\n";

async function opened(keys: KeysFixture) {
  const store = await keys.store();
  const audited: AuditEntry[] = [];
  const { clock, dataDir, projectDir, transit } = keys;
  const place = { dataDir, projectDir, transit, env: () => undefined };
  const opened = openSecrets({ store, clock, ...place });
  return { ...opened, store, audited, secrets: auditedSecrets(opened.secrets, recordedAudit(audited)) };
}

Deno.test("a secret is set, replaced and deleted, and who did it is kept", async () => {
  await using keys = new KeysFixture();
  const { secrets, stored, audited, store } = await opened(keys);
  const first = await secrets.put("TLS_KEY", PEM, MIA);
  deepStrictEqual([first.name, first.created_by, first.used_by], ["TLS_KEY", "mia", []]);
  strictEqual(await stored.get("TLS_KEY"), PEM, "as it was, with its last line break");
  await secrets.put("TLS_KEY", "another", { ...MIA, name: "tom" });
  strictEqual(await stored.get("TLS_KEY"), "another");
  deepStrictEqual((await secrets.list()).map((one) => [one.created_by, one.changed_by]), [["mia", "tom"]]);
  ok(!(await store.secrets.find("TLS_KEY"))?.sealed.includes("another"));
  await secrets.remove("TLS_KEY", { isForced: false }, MIA);
  strictEqual(await stored.get("TLS_KEY"), undefined);
  await rejects(secrets.remove("TLS_KEY", { isForced: true }, MIA), { code: "not_found" });
  await secrets.rotate({}, MIA);
  deepStrictEqual(
    audited.map((
      { action, actor, target, details },
    ) => [action, actor.name, target?.name, details?.["is_new"]]),
    [
      ["secret.put", "mia", "TLS_KEY", true],
      ["secret.put", "tom", "TLS_KEY", false],
      ["secret.remove", "mia", "TLS_KEY", undefined],
      ["key.rotate", "mia", audited.at(-1)?.target?.name, undefined],
    ],
  );
  ok(!JSON.stringify(audited).includes("canary"));
});

Deno.test("a secret or a key is not changed where that cannot be written down before", async () => {
  await using keys = new KeysFixture();
  const { secrets, stored, store } = await opened(keys);
  await secrets.put("TLS_KEY", PEM, MIA);
  const full = new AppError("unavailable", "the disk is full");
  const refused = auditedSecrets(secrets, { around: () => Promise.reject(full) });
  const before = await store.dataKeys.list();
  await rejects(refused.put("TLS_KEY", "another", MIA), full);
  await rejects(refused.put("NEW", "another", MIA), full);
  await rejects(refused.remove("TLS_KEY", { isForced: true }, MIA), full);
  await rejects(refused.rotate({}, MIA), full);
  strictEqual(await stored.get("TLS_KEY"), PEM);
  deepStrictEqual((await secrets.list()).map(({ name }) => name), ["TLS_KEY"]);
  deepStrictEqual(await store.dataKeys.list(), before);
});

Deno.test("a secret in use is deleted by force alone: connectors, notifiers, webhooks and scripts use some", async () => {
  await using keys = new KeysFixture();
  const { secrets, store } = await opened(keys);
  await store.pipelines.putConnectors({
    shop: { type: "postgres", url: "postgres://a:${secret:PASSWORD}@h/d" },
  });
  await store.alerts.putNotifiers({ chat: { type: "webhook", url: "${secret:CHAT_URL}" } }, new Set());
  const definition = {
    ...revision().definition,
    webhooks: { shop: { secret: "${secret:HOOK}" } },
    extract: { a: { connector: "script", script: "a.ts", secrets: ["API_KEY"] } },
  };
  // Only the texts in it count.
  await store.revisions.save(revision({ definition: definition as unknown as PipelineDefinition }), []);
  await store.pipelines.put({ name: "a", origin: "files", revision: "r1", faults: [] });
  const users = {
    PASSWORD: "connector shop",
    CHAT_URL: "notifier chat",
    HOOK: "pipeline a",
    API_KEY: "pipeline a",
  };
  for (const [name, user] of Object.entries(users)) {
    deepStrictEqual((await secrets.put(name, "x", MIA)).used_by, [user]);
    await rejects(secrets.remove(name, { isForced: false }, MIA), (error: AppError) => {
      deepStrictEqual([error.code, error.message.includes(user)], ["conflict", true]);
      return true;
    });
  }
  await secrets.remove("HOOK", { isForced: true }, MIA);
});

Deno.test("names and values that do not fit are refused, and no value is in a message", async () => {
  await using keys = new KeysFixture();
  const { secrets, store } = await opened(keys);
  for (const name of ["", "../x", "a b", "1a", "a\n", "x".repeat(129), ".hidden", "a/b"]) {
    await rejects(secrets.put(name, "canary", MIA), { code: "invalid" }, name);
  }
  for (const value of ["", "canary".repeat(11_000), "canary\ud800"]) {
    await rejects(secrets.put("A", value, MIA), (error: AppError) => {
      ok(error.code === "invalid" && !error.message.includes("canary"), error.message);
      return true;
    });
  }
  deepStrictEqual(await store.dataKeys.list(), [], "no key was made for them");
  await secrets.put("A", "é".repeat(32_768), MIA);
});

Deno.test("a sealed secret that is moved to another name, or changed, is refused", async () => {
  await using keys = new KeysFixture();
  const { secrets, stored, store } = await opened(keys);
  await secrets.put("CHEAP", "public", MIA);
  await secrets.put("DEAR", "s3cret", MIA);
  const dear = (await store.secrets.find("DEAR"))?.sealed ?? "";
  await store.secrets.put({ name: "CHEAP", sealed: dear }, "attacker", 1);
  await rejects(stored.get("CHEAP"), { code: "invalid", reason: "damaged_seal" });
  strictEqual(await stored.get("DEAR"), "s3cret");
  strictEqual(secretPlace("DEAR"), "secret/DEAR");
  const { problem } = await secrets.keys();
  strictEqual(problem, null);
  // A rotation leaves it, and says which it is.
  match((await secrets.rotate({}, MIA)).unreadable.join(), /^secrets CHEAP$/);
});
