import type { InvitationView, NewInvitation } from "../../../../contract/access/people.ts";
import { AppError, toAppError } from "../../../../contract/errors.ts";
import type { UserRecord } from "../../../store/ports/people.ts";
import { invitationLetter } from "../mail/letters.ts";
import type { PeopleContext } from "../people_context.ts";
import type { Invitations, Users } from "../port.ts";
import { LINK_MS, type PasswordLinks } from "./links.ts";

/** Invitations: a user that chooses its password by a link. */
export class LocalInvitations implements Invitations {
  readonly #context: PeopleContext;
  readonly #users: Users;
  readonly #links: PasswordLinks;

  constructor(context: PeopleContext, users: Users, links: PasswordLinks) {
    this.#context = context;
    this.#users = users;
    this.#links = links;
  }

  async invite({ name, ...more }: NewInvitation, by: string): Promise<InvitationView> {
    const { people: { users }, clock } = this.#context;
    const known = await users.find(name);
    if (known === undefined) {
      const { id } = await this.#users.create({ name, kind: "person", ...more }, by);
      await users.change(id, { state: "invited" });
    } else await this.#requireInvitable(known, Object.keys(more).length > 0);
    const user = await this.#invited(name);
    const path = await this.#links.make(user.id, "invitation", by);
    const { problem, isMailed } = await this.#mail(user, path, by);
    return {
      user: await this.#users.get(user.id),
      mailed: isMailed,
      problem,
      // Whoever has the link has the account: it is shown where nothing else brings it to its owner.
      link: isMailed ? null : `${this.#context.publicUrl ?? ""}${path}`,
      expires_at: new Date(clock.now() + LINK_MS.invitation).toISOString(),
    };
  }

  async #mail(
    user: UserRecord,
    path: string,
    by: string,
  ): Promise<{ readonly isMailed: boolean; readonly problem: string | null }> {
    const { mail, publicUrl } = this.#context;
    if (mail === undefined || publicUrl === undefined) {
      return { isMailed: false, problem: "This server sends no mail: hand the link over" };
    }
    if (user.email === null) {
      return { isMailed: false, problem: `"${user.name}" has no address of mail: hand the link over` };
    }
    const { subject, text } = invitationLetter(user, `${publicUrl}${path}`, by);
    try {
      await mail.send(user.email, subject, text);
      return { isMailed: true, problem: null };
    } catch (error) {
      return { isMailed: false, problem: `${toAppError(error).message}. Hand the link over` };
    }
  }

  /** Throws conflict. */
  async #requireInvitable(user: UserRecord, hasMore: boolean): Promise<void> {
    const why = user.kind === "service"
      ? "is a service: it has tokens alone, and no password"
      : user.state === "disabled"
      ? "is disabled: enable it first"
      : await this.#context.passwords.get(user.id) !== undefined
      ? "has a password already: set another one, or choose another name"
      : hasMore
      ? "is there already: invite it by its name alone"
      : undefined;
    if (why !== undefined) throw new AppError("conflict", `"${user.name}" ${why}`);
  }

  async #invited(name: string): Promise<UserRecord> {
    const user = await this.#context.people.users.find(name);
    if (user !== undefined) return user;
    throw new AppError("conflict", `"${name}" was removed meanwhile`);
  }
}
