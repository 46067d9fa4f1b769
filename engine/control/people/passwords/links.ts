import { userActor } from "../../../../contract/audit/actor.ts";
import { NO_AUDIT } from "../../../../contract/audit/entry.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { LinkKind, LinkRecord } from "../../../store/ports/passwords.ts";
import type { UserRecord } from "../../../store/ports/people.ts";
import type { PeopleContext } from "../people_context.ts";
import { hashToken, randomText } from "../token_text.ts";
import type { LocalPasswords } from "./passwords.ts";

const HOUR_MS = 3_600_000;

/** How long each kind of link leads to the page on which a password is chosen. */
export const LINK_MS: Readonly<Record<LinkKind, number>> = {
  invitation: 72 * HOUR_MS,
  reset: HOUR_MS,
  change: HOUR_MS / 6,
};

/** A link that is good, and whose it is. */
export interface GoodLink extends LinkRecord {
  readonly owner: UserRecord;
}

/** One that was good until now. */
export interface UsedLink extends GoodLink {
  readonly tokensEnded: number;
}

/** The links by which people choose a password: each is good once, and for some time. */
export class PasswordLinks {
  readonly #context: PeopleContext;
  readonly #passwords: LocalPasswords;

  constructor(context: PeopleContext, passwords: LocalPasswords) {
    this.#context = context;
    this.#passwords = passwords;
  }

  /** The path of a new one. Its text is stored nowhere. */
  async make(user: string, kind: LinkKind, by: string | null): Promise<string> {
    const text = randomText();
    const createdAtMs = this.#context.clock.now();
    await this.#context.passwords.createLink({
      hash: await hashToken(text),
      user,
      kind,
      createdAtMs,
      createdBy: by,
      expiresAtMs: createdAtMs + LINK_MS[kind],
    });
    return `/password?link=${text}`;
  }

  /** Looking does not use it up: programs that look through mail open each link. Throws not_found. */
  async look(text: string): Promise<GoodLink> {
    const link = await this.#context.passwords.findLink(await hashToken(text), this.#context.clock.now());
    const owner = link && await this.#context.people.users.find(link.user);
    if (link === undefined || owner === undefined) throw spent();
    return { ...link, owner };
  }

  /**
   * Gives its owner the password, and ends the owner's sessions and other links; tokens too where that is said, and by a
   * reset where nothing is. Returns what it was. Throws not_found where it has been used or has expired, and invalid for
   * a weak password, which leaves it as it is.
   */
  async use(
    text: string,
    password: string,
    { address, endsTokens }: { readonly address?: string; readonly endsTokens?: boolean } = {},
  ): Promise<UsedLink> {
    const link = await this.look(text);
    const { owner } = link;
    const kept = await this.#passwords.prepare(owner, password, false);
    const { passwords, access, trail = NO_AUDIT } = this.#context;
    const entry = {
      action: "password.change",
      actor: userActor(owner, address),
      target: { kind: "user", name: owner.name },
      details: { by: link.kind },
    } as const;
    return await trail.around(entry, async () => {
      const used = await passwords.useLink(await hashToken(text), kept, {
        endsTokens: endsTokens ?? link.kind === "reset",
      });
      if (used === undefined) throw spent();
      await access.endSessionsOf(owner.id);
      return { ...used.link, owner, tokensEnded: used.tokensEnded };
    }, ({ tokensEnded }) => ({ details: { tokens_ended: tokensEnded } }));
  }
}

function spent(): AppError {
  return new AppError(
    "not_found",
    "That link is good no more: it has been used, or its time is over. Ask for another",
  );
}
