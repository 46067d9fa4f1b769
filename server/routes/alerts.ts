import * as v from "valibot";
import {
  DELIVERY_STATES,
  deliverySchema,
  notifierTestSchema,
  notifierViewSchema,
  problemSchema,
} from "../../contract/alerts/problem.ts";
import { problemCursor } from "../../contract/alerts/problem_cursor.ts";
import { duration, durationMs } from "../../contract/pipeline/words.ts";
import { route } from "../http/route.ts";
import { pageOf, pageOfAll, pageQuery } from "./paging.ts";

const problemParams = v.object({ id: v.pipe(v.string(), v.description("The problem's id.")) });
const notifierParams = v.object({ name: v.pipe(v.string(), v.description("The notifier's name.")) });
const ALERTS_PER_PAGE = 100;
const problemResponse = { status: 200, description: "As it is now.", schema: problemSchema } as const;

/** `/api/problems`, `/api/notifiers` and `/api/deliveries`. */
export function alertRoutes() {
  return [...problemRoutes(), ...notifierRoutes()];
}

function problemRoutes() {
  return [
    route({
      method: "get",
      path: "/api/problems",
      operation: "listProblems",
      summary: "What is wrong: failures, late runs, stale data, and what was wrong before",
      permission: "pipeline:view",
      request: v.object({
        query: v.strictObject({
          state: v.exactOptional(
            v.pipe(v.picklist(["open", "closed"]), v.description("Only these; both by default.")),
          ),
          ...pageQuery(String(ALERTS_PER_PAGE)),
        }),
      }),
      response: {
        status: 200,
        description: "Open ones first, the newest first.",
        schema: v.array(problemSchema),
      },
      handle: async ({ query: { state, limit = ALERTS_PER_PAGE, ...page } }, { engine }) => {
        const filter = state === undefined ? {} : { isOpen: state === "open" };
        return pageOf(
          await engine.alerts.problems({ ...filter, ...page, limit: limit + 1 }),
          limit,
          problemCursor,
        );
      },
    }),
    route({
      method: "post",
      path: "/api/problems/:id/acknowledge",
      operation: "acknowledgeProblem",
      summary: "Says that somebody is looking after it: it is not told again until it is over",
      permission: "pipeline:alert",
      request: v.object({ params: problemParams, query: v.strictObject({}) }),
      response: problemResponse,
      errors: ["not_found"],
      handle: async ({ params }, { engine, user }) => ({
        body: await engine.alerts.acknowledge(params.id, user.name),
      }),
    }),
    route({
      method: "delete",
      path: "/api/problems/:id/acknowledge",
      operation: "unacknowledgeProblem",
      summary: "Takes that back",
      permission: "pipeline:alert",
      request: v.object({ params: problemParams, query: v.strictObject({}) }),
      response: problemResponse,
      errors: ["not_found"],
      handle: async ({ params }, { engine }) => ({ body: await engine.alerts.acknowledge(params.id, null) }),
    }),
    route({
      method: "post",
      path: "/api/problems/:id/mute",
      operation: "muteProblem",
      summary: "Sends nothing about it for some time, also where it comes again",
      permission: "pipeline:alert",
      request: v.object({
        params: problemParams,
        query: v.strictObject({}),
        body: v.strictObject({ for: v.pipe(duration, v.description("How long, as 2h or 7d.")) }),
      }),
      response: problemResponse,
      errors: ["not_found"],
      handle: async ({ params, body }, { engine }) => ({
        body: await engine.alerts.mute(params.id, durationMs(body.for)),
      }),
    }),
    route({
      method: "delete",
      path: "/api/problems/:id/mute",
      operation: "unmuteProblem",
      summary: "Sends something about it again",
      permission: "pipeline:alert",
      request: v.object({ params: problemParams, query: v.strictObject({}) }),
      response: problemResponse,
      errors: ["not_found"],
      handle: async ({ params }, { engine }) => ({ body: await engine.alerts.mute(params.id, null) }),
    }),
  ];
}

function notifierRoutes() {
  return [
    route({
      method: "get",
      path: "/api/notifiers",
      operation: "listNotifiers",
      summary: "The notifiers of the project, and what each was last to send",
      permission: "pipeline:view",
      request: v.object({ query: v.strictObject(pageQuery("all")) }),
      response: { status: 200, description: "By name.", schema: v.array(notifierViewSchema) },
      handle: async ({ query }, { engine }) =>
        pageOfAll("notifiers", await engine.alerts.notifiers(), query, ({ name }) => name),
    }),
    route({
      method: "post",
      path: "/api/notifiers/:name/test",
      operation: "testNotifier",
      summary:
        "Sends a message by the notifier, as notifiers.yaml has it now, and says what its receiver said",
      permission: "notifier:test",
      request: v.object({ params: notifierParams, query: v.strictObject({}) }),
      response: { status: 200, description: "Whether it was taken.", schema: notifierTestSchema },
      errors: ["not_found"],
      handle: async ({ params }, { engine, user, signal }) => ({
        body: await engine.alerts.test(params.name, user.name, signal),
      }),
    }),
    route({
      method: "get",
      path: "/api/deliveries",
      operation: "listDeliveries",
      summary: "What was sent, what waits, and what was given up",
      permission: "pipeline:view",
      request: v.object({
        query: v.strictObject({
          notifier: v.exactOptional(v.pipe(v.string(), v.description("Only of this notifier."))),
          state: v.exactOptional(v.pipe(v.picklist(DELIVERY_STATES), v.description("Only these."))),
          ...pageQuery(String(ALERTS_PER_PAGE)),
        }),
      }),
      response: { status: 200, description: "Newest first.", schema: v.array(deliverySchema) },
      handle: async ({ query: { limit = ALERTS_PER_PAGE, ...filter } }, { engine }) =>
        pageOf(await engine.alerts.deliveries({ ...filter, limit: limit + 1 }), limit, ({ id }) => id),
    }),
  ];
}
