import * as v from "valibot";
import { serverStatusSchema } from "../../contract/runs/server_status.ts";
import { route } from "../http/route.ts";

const nothing = v.object({ query: v.strictObject({}) });
const response = {
  status: 200,
  description: "The server as it is now.",
  schema: serverStatusSchema,
} as const;

/** `/api/server`: how the server is, and whether it starts runs. */
export function serverRoutes() {
  return [
    route({
      method: "get",
      path: "/api/server",
      operation: "getServer",
      summary: "Whether the server starts runs, why not, and the room on its disk",
      permission: "pipeline:view",
      request: nothing,
      response,
      handle: async (_input, { engine }) => ({ body: await engine.server.status() }),
    }),
    route({
      method: "post",
      path: "/api/server/drain",
      operation: "drainServer",
      summary: "Lets no more runs begin; those under way go on, and what is asked for is queued",
      permission: "server:operate",
      request: nothing,
      response,
      handle: async (_, { engine, user }) => ({ body: await engine.server.drain(user.name) }),
    }),
    route({
      method: "post",
      path: "/api/server/undrain",
      operation: "undrainServer",
      summary: "Lets runs begin again",
      permission: "server:operate",
      request: nothing,
      response,
      handle: async (_, { engine, user }) => ({ body: await engine.server.undrain(user.name) }),
    }),
  ];
}
