import { serverStatusSchema } from "../../../contract/runs/server_status.ts";
import type { ServerControl } from "../../../engine/control/services/server_control.ts";
import { type ApiClient, read } from "./api_client.ts";

/** A server, asked over its HTTP API. Who asks is the token's owner: the server says so. */
export function createRemoteServer({ routes: { server } }: ApiClient): ServerControl {
  return {
    status: () => read(serverStatusSchema, server.$get()),
    drain: () => read(serverStatusSchema, server.drain.$post()),
    undrain: () => read(serverStatusSchema, server.undrain.$post()),
  };
}
