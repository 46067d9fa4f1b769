import { deepEqual, equal, rejects } from "node:assert/strict";
import { AppError } from "../../../../../contract/errors.ts";
import type { Report } from "../../../../../contract/jobs/reports.ts";
import { ServerRequests } from "../../../../../engine/worker/server_requests.ts";

Deno.test("ServerRequests gives each question its own answer, in whatever order they come", async () => {
  const sent: Report[] = [];
  const requests = new ServerRequests((report) => sent.push(report));
  const shop = requests.config("shop");
  const token = requests.secret("TOKEN");
  const lake = requests.config("lake");
  deepEqual(sent.map((report) => report.type === "question" ? report.question : report), [
    { type: "config", connector: "shop", id: 1 },
    { type: "secret", name: "TOKEN", id: 2 },
    { type: "config", connector: "lake", id: 3 },
  ]);
  const error = { code: "invalid", message: "no value" } as const;
  requests.take({ type: "answer", answer: { type: "refused", id: 3, error } });
  requests.take({ type: "answer", answer: { type: "secret", id: 2, value: "t" } });
  requests.take({ type: "answer", answer: { type: "secret", id: 9, value: "nobody asked" } });
  requests.take({ type: "cancel", error });
  requests.take({ type: "answer", answer: { type: "config", id: 1, config: { url: "u" } } });
  deepEqual(await shop, { config: { url: "u" }, goodForMs: Infinity });
  equal(await token, "t");
  await rejects(lake, (thrown: unknown) => thrown instanceof AppError && thrown.code === "invalid");
});

Deno.test("a turn is not asked for while requests may go unasked: not with a limit, and not after a hold", async () => {
  let asked = 0;
  const requests = new ServerRequests((report) => {
    if (report.type !== "question") return;
    const { id, type } = report.question;
    if (type === "turn") asked++;
    const answer = type === "turn" ? { type, id, freeMs: 600_000 } as const : { type: "done", id } as const;
    queueMicrotask(() => requests.take({ type: "answer", answer }));
  });
  const { signal } = new AbortController();
  const turn = async (host: string, limit?: { readonly requests: number; readonly perMs: number }) => {
    await requests.turn(host, limit, signal);
    return asked;
  };
  equal(await turn("a:443"), 1);
  equal(await turn("a:443"), 1);
  equal(await turn("b:443"), 2);
  equal(await turn("a:443", { requests: 1, perMs: 1000 }), 3);
  await requests.hold("a:443", 1000);
  equal(await turn("a:443"), 4);
  const late = requests.turn("c:443", undefined, signal);
  await requests.hold("c:443", 1000);
  await late;
  equal(await turn("c:443"), 6);
  await rejects(requests.turn("a:443", undefined, AbortSignal.abort(new Error("enough"))), /enough/);
});
