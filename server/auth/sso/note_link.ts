import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import type { LinkRecord, LinkStore } from "../../../engine/store/ports/sso.ts";

/** A link's last use is written this often at most. */
const TOUCH_EVERY_MS = 60_000;

/** Notes that a link has let somebody in, beside the request: a store that cannot write must not keep anybody out. */
export function noteLink(
  link: LinkRecord,
  { links, clock, log }: {
    readonly links: Pick<LinkStore, "touch">;
    readonly clock: Pick<Clock, "now">;
    readonly log: Log;
  },
): void {
  if (clock.now() - (link.lastUsedAtMs ?? 0) <= TOUCH_EVERY_MS) return;
  links.touch(link.id, clock.now()).catch((error) => {
    log("debug", "A link's last use could not be written", { error: String(error) });
  });
}
