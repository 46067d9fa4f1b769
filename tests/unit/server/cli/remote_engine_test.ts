import { createAuditReader } from "../../../../engine/control/audit/reader.ts";
import { LOCAL_TOKEN_NAME } from "../../../../contract/names.ts";
import type { PostView, WebhookView } from "../../../../contract/triggers/webhook_view.ts";
import type { Access } from "../../../../contract/access/access.ts";
import { guardedEngine } from "../../../../engine/control/access/guarded_engine.ts";
import { createPeople } from "../../../../engine/control/people/local_people.ts";
import { NO_SECRETS } from "../../../support/fake_secrets.ts";
import { fakePlaces } from "../../../support/fake_places.ts";
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { AppError, type ErrorCode } from "../../../../contract/errors.ts";
import type { RunEvent } from "../../../../contract/run.ts";
import { systemClock } from "../../../../contract/clock.ts";
import type { Engine } from "../../../../engine/control/engine.ts";
import { openStore } from "../../../../engine/store/open.ts";
import { createApp } from "../../../../server/routes/app.ts";
import { Auth } from "../../../../server/auth/auth.ts";
import { createApiClient } from "../../../../server/cli/client/api_client.ts";
import { RemoteEngine } from "../../../../server/cli/client/remote_engine.ts";
import { createClientView } from "../../../../server/http/client_view.ts";
import { listen } from "../../../../server/http/listen.ts";
import { renewLocalToken } from "../../../../server/auth/token.ts";
import type { FakeEngine } from "../../../support/fake_engine.ts";
import { NO_ACCOUNT, NO_FACTORS } from "../../../support/fake_people.ts";
import { quickHasher } from "../../../support/quick_hasher.ts";
import { createFakeProject, RUN_IDS } from "../../../support/fake_project.ts";

interface Remote {
  readonly engine: FakeEngine;
  readonly remote: Engine;
  readonly url: string;
  stop(): Promise<void>;
}

/** The real server over an engine in memory, and the engine as a command sees it from afar. */
async function withRemote(work: (remote: Remote) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await using store = await openStore(`file:${folder}/sluice.db`);
    const engine = createFakeProject();
    const places = fakePlaces(engine);
    const log = () => {};
    const auth = new Auth({
      access: store.access,
      clock: systemClock,
      client: createClientView({ trustProxy: false }),
      log,
      subjects: places.subjects,
    });
    const people = createPeople({ ...store, hasher: quickHasher(), clock: systemClock });
    const engineFor = (access: Access) => guardedEngine(engine, access, places);
    const app = createApp({
      engineFor,
      server: engine.server,
      secrets: NO_SECRETS,
      account: NO_ACCOUNT,
      ownFactors: NO_FACTORS,
      peopleFor: () => people,
      auditFor: () =>
        createAuditReader({ store: store.audit, clock: systemClock }, { flush: () => Promise.resolve() }),
      auth,
      version: "0.0.0",
      clock: systemClock,
      log,
    });
    const listener = await listen(app, { host: "127.0.0.1", port: 0 });
    let stopped: Promise<void> | undefined;
    const stop = () => stopped ??= listener.shutdown(1_000);
    try {
      const api = createApiClient({
        url: listener.url,
        token: await renewLocalToken(store.access, systemClock),
      });
      await work({ engine, remote: new RemoteEngine(api), url: listener.url, stop });
    } finally {
      await stop();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const WEBHOOK: WebhookView = {
  name: "live",
  signature: "none",
  address: "/hooks/flights/live",
  streams: ["live"],
  waiting: 2,
  waiting_bytes: 30,
  waiting_since: "2026-01-01T00:00:00.000Z",
  accepted_at: "2026-01-01T00:00:00.000Z",
  refused_at: null,
  refused_why: null,
};
const POST: PostView = {
  post: 8,
  state: "waiting",
  received_at: "2026-01-01T00:00:00.000Z",
  size_bytes: 10,
  content_type: "application/json",
  dropped_by: null,
};
const POSTS: readonly PostView[] = [POST, { ...POST, post: 7, content_type: 'text/csv; header="é"' }];

const failsWith = (code: ErrorCode) => (error: unknown) => error instanceof AppError && error.code === code;
const never = new AbortController().signal;

Deno.test("RemoteEngine answers what the server's engine answers", async () => {
  await withRemote(async ({ engine, remote }) => {
    deepStrictEqual(await remote.listPipelines(), await engine.listPipelines());
    deepStrictEqual(await remote.getPipeline("flights"), await engine.getPipeline("flights"));
    deepStrictEqual(
      await remote.listRuns({ pipeline: "orders", limit: 3 }),
      await engine.listRuns({ pipeline: "orders", limit: 3 }),
    );
    deepStrictEqual(await remote.getRun(RUN_IDS.failed), await engine.getRun(RUN_IDS.failed));
    deepStrictEqual(
      await remote.getRunLogs(RUN_IDS.failed, { afterSeq: 1 }),
      await engine.getRunLogs(RUN_IDS.failed, { afterSeq: 1 }),
    );
    const conditions = { level: "warn", search: "A", step: "orders", since: "2026-01-01" } as const;
    deepStrictEqual(
      await remote.getRunLogs(RUN_IDS.failed, conditions),
      await engine.getRunLogs(RUN_IDS.failed, conditions),
    );
    const search = { search: "orders", limit: 2 };
    const page = await remote.history.searchLogs(search);
    deepStrictEqual(page, await engine.history.searchLogs(search));
    const after = page.next ?? "";
    deepStrictEqual(
      await remote.history.searchLogs({ ...search, pipeline: "orders", after }),
      await engine.history.searchLogs({ ...search, pipeline: "orders", after }),
    );
    deepStrictEqual(
      await remote.history.ofPipeline("orders", { days: 30, runs: 3 }),
      await engine.history.ofPipeline("orders", { days: 30, runs: 3 }),
    );
    deepStrictEqual(await remote.applyProject(), await engine.applyProject());
  });
});

Deno.test("RemoteEngine triggers with params and selection, as a command", async () => {
  await withRemote(async ({ remote }) => {
    const run = await remote.triggerRun("flights", {
      trigger: "cli",
      params: { region: "eu", threshold: 20 },
      select: "+daily",
      fullRefresh: true,
    });
    deepStrictEqual(
      [run.state, run.trigger, run.params, run.select, run.full_refresh],
      [
        "queued",
        "cli",
        { region: "eu", threshold: 20, since: "2013-01-01", include_cancelled: false },
        "+daily",
        true,
      ],
    );
    strictEqual((await remote.cancelRun(run.id, "Ann")).state, "cancelled");
    strictEqual((await remote.retryRun(run.id)).state, "queued");
  });
});

Deno.test("RemoteEngine lists webhooks and posts, and gives and drops bodies", async () => {
  await withRemote(async ({ engine, remote: { webhooks } }) => {
    engine.webhooks.add("flights", WEBHOOK, POSTS);
    deepStrictEqual(await webhooks.list("flights"), [WEBHOOK]);
    deepStrictEqual(await webhooks.posts("flights", "live", {}), POSTS);
    deepStrictEqual(await webhooks.posts("flights", "live", { isWaiting: true, before: 8, limit: 5 }), [
      POSTS[1],
    ]);
    const { body, contentType } = await webhooks.body("flights", "live", 7);
    deepStrictEqual([new TextDecoder().decode(body), contentType], ['{"post":7}', 'text/csv; header="é"']);
    const dropped = await webhooks.drop("flights", "live", 7, "said by the server");
    deepStrictEqual([dropped.state, dropped.dropped_by], ["dropped", LOCAL_TOKEN_NAME]);
    await rejects(webhooks.drop("flights", "live", 7, ""), failsWith("conflict"));
    await rejects(webhooks.posts("flights", "other", {}), failsWith("not_found"));
  });
});

Deno.test("RemoteEngine throws the errors that the server's engine throws", async () => {
  await withRemote(async ({ remote, stop }) => {
    await rejects(remote.getRun("no/such run?"), failsWith("not_found"));
    await rejects(remote.retryRun(RUN_IDS.succeeded), failsWith("conflict"));
    await rejects(remote.triggerRun("flights", { trigger: "cli", select: "nothing" }), failsWith("invalid"));
    await stop();
    await rejects(remote.listPipelines(), failsWith("unavailable"));
  });
});

Deno.test("RemoteEngine throws unauthorized for a token of another start", async () => {
  await withRemote(async ({ url }) => {
    const remote = new RemoteEngine(createApiClient({ url, token: "slc_other" }));
    await rejects(remote.listPipelines(), failsWith("unauthorized"));
  });
});

Deno.test("RemoteEngine watches a run until it has ended", async () => {
  await withRemote(async ({ engine, remote }) => {
    const events: RunEvent[] = [];
    let isMoved = false;
    for await (const event of remote.watchRun(RUN_IDS.running, 0, never)) {
      events.push(event);
      if (isMoved) continue;
      isMoved = true;
      engine.addLog(RUN_IDS.running, { message: "over the wire: ünï", level: "warn" });
      engine.addProgress(RUN_IDS.running, "extract:flights", 7);
      engine.move(RUN_IDS.running, "succeed");
    }
    ok(events.some((event) => event.type === "log" && event.line.message === "over the wire: ünï"));
    ok(events.some((event) => event.type === "progress" && event.rows === 7));
    const last = events.at(-1);
    strictEqual(last?.type === "run" && last.run.state, "succeeded");
  });
});

Deno.test("RemoteEngine says that the server went away while it was watching", async () => {
  await withRemote(async ({ remote, stop }) => {
    const watch = async () => {
      for await (const _ of remote.watchRun(RUN_IDS.running, 0, never)) void stop();
    };
    await rejects(watch(), failsWith("unavailable"));
  });
});

Deno.test("RemoteEngine stops watching when it is told to", async () => {
  await withRemote(async ({ remote }) => {
    const stopping = new AbortController();
    for await (const _ of remote.watchRun(RUN_IDS.running, 0, stopping.signal)) stopping.abort();
  });
});
