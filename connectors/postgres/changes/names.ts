import type { FollowRequest } from "../../../contract/connector/source.ts";

const MAX_BYTES = 63;
/** All of ours begin with it. */
export const SLOT_PREFIX = "sluice_";

/**
 * What the slot and the publication of a pipeline's streams are called: `sluice_orders_shop_1a2b3c4d`, in
 * what a slot's name may have. The token tells the followers of two servers apart.
 */
export function followerName(
  { pipeline, token }: Pick<FollowRequest, "pipeline" | "token">,
  connector: string,
): string {
  const words = `${SLOT_PREFIX}${slug(pipeline)}_${slug(connector)}`;
  return `${words.slice(0, MAX_BYTES - token.length - 1)}_${token}`;
}

const slug = (text: string): string => text.toLowerCase().replace(/[^a-z0-9_]/g, "_");
