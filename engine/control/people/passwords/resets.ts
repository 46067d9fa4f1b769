import { toAppError } from "../../../../contract/errors.ts";
import { resetLetter } from "../mail/letters.ts";
import type { PeopleContext } from "../people_context.ts";
import type { PasswordLinks } from "./links.ts";

/** Links that one account may get in an hour: nobody's mailbox is filled by others. */
const MOST_OF_ACCOUNT = 3;
const HOUR_MS = 3_600_000;
const MOST_ACCOUNTS = 10_000;
/** Those that may be on their way at the same time; others are let go. */
const AT_ONCE = 20;

/** Resets of forgotten passwords by mail. */
export class PasswordResets {
  readonly #context: PeopleContext;
  readonly #links: PasswordLinks;
  /** By user, the oldest first. */
  readonly #sent = new Map<string, { readonly endsAtMs: number; count: number }>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(context: PeopleContext, links: PasswordLinks) {
    this.#context = context;
    this.#links = links;
  }

  /** Whether there is a way to send one. */
  get canMail(): boolean {
    return this.#context.mail !== undefined && this.#context.publicUrl !== undefined;
  }

  /**
   * Sends a link to the user of that name or address, where there is one who is let in and has a password to forget.
   * Returns at once: neither what is answered nor how long it takes says whether there is.
   */
  request(nameOrEmail: string, address: string): void {
    if (this.#underWay.size >= AT_ONCE) return;
    const work: Promise<void> = this.#send(nameOrEmail, address)
      .catch((error) => this.#context.log?.("warn", `A mail could not be sent: ${toAppError(error).message}`))
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  /** Returns when what is on its way has arrived. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #send(nameOrEmail: string, address: string): Promise<void> {
    const { mail, publicUrl, passwords } = this.#context;
    if (mail === undefined || publicUrl === undefined) return;
    const claimant = await passwords.findClaimant(nameOrEmail);
    // Who signs in by an identity provider alone keeps to that, and who is invited has a link.
    if (claimant?.user.state !== "active" || claimant.password === undefined) return;
    const { user } = claimant;
    if (user.email === null || !this.#isAllowed(user.id)) return;
    const { subject, text } = resetLetter(
      user,
      `${publicUrl}${await this.#links.make(user.id, "reset", null)}`,
    );
    await this.#context.trail?.record({
      action: "password.reset",
      actor: { id: null, name: "unknown", kind: "unknown", address },
      target: { kind: "user", name: user.name },
    });
    await mail.send(user.email, subject, text);
  }

  #isAllowed(user: string): boolean {
    const nowMs = this.#context.clock.now();
    const known = this.#sent.get(user);
    if (known !== undefined && known.endsAtMs > nowMs) return ++known.count <= MOST_OF_ACCOUNT;
    this.#sent.delete(user);
    this.#sent.set(user, { endsAtMs: nowMs + HOUR_MS, count: 1 });
    const [oldest] = this.#sent.keys();
    if (this.#sent.size > MOST_ACCOUNTS && oldest !== undefined) this.#sent.delete(oldest);
    return true;
  }
}
