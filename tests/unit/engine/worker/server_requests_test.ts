import { deepEqual, equal, rejects } from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import type { Report } from "../../../../contract/job.ts";
import { ServerRequests } from "../../../../engine/worker/server_requests.ts";

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
  deepEqual(await shop, { url: "u" });
  equal(await token, "t");
  await rejects(lake, (thrown: unknown) => thrown instanceof AppError && thrown.code === "invalid");
});
