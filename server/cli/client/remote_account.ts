import type * as v from "valibot";
import { createdTokenSchema, type OwnTokenRequest } from "../../../contract/access/people.ts";
import { type ApiClient, read } from "./api_client.ts";

/** A token of whoever the client's token lets in, made by a server. */
export function createOwnToken(
  { routes }: ApiClient,
  json: OwnTokenRequest,
): Promise<v.InferOutput<typeof createdTokenSchema>> {
  return read(createdTokenSchema, routes.account.tokens.$post({ json }));
}
