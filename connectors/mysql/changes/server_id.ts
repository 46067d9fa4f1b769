import type { FollowRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { MysqlStream } from "../options.ts";
import type { ReadContext } from "../read/plan.ts";

const MAX_SERVER_ID = 2 ** 32;
/** Random ones are above what people give to their servers. */
const LEAST_RANDOM_ID = 2 ** 31;

/** What the reader of the log calls itself: throws `invalid` where the streams name several. */
export function serverIdOf({ streams }: FollowRequest<MysqlStream>, { name }: ReadContext): number {
  const given = [...new Set(streams.map(({ address }) => address.options.server_id))];
  const [first] = given;
  if (given.length > 1) {
    throw new AppError(
      "invalid",
      `Cannot follow the changes of ${name}: all streams of a pipeline share one server_id, and these name ` +
        `${given.map((id) => id ?? "none").join(", ")}; give each the same`,
    );
  }
  return first ?? randomServerId();
}

/** Of a reader that nobody gave a name to. */
export const randomServerId = (): number =>
  LEAST_RANDOM_ID +
  (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % (MAX_SERVER_ID - LEAST_RANDOM_ID - 1);
