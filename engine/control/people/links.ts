import {
  CERTIFICATE_ISSUER,
  type LinkView,
  type NewLinkRequest,
  patternFault,
  readFingerprint,
} from "../../../contract/access/links.ts";
import { AppError } from "../../../contract/errors.ts";
import { isServersUser, quoteName } from "../../../contract/names.ts";
import type { UserRecord } from "../../store/ports/people.ts";
import type { LinkRecord, SsoStore } from "../../store/ports/sso.ts";
import { Directory } from "./directory.ts";
import type { PeopleContext } from "./people_context.ts";
import type { Links } from "./port.ts";

/** Who users are at identity providers, as the control store has it. */
export class LocalLinks implements Links {
  readonly #context: PeopleContext;
  readonly #links: SsoStore["links"];
  readonly #directory: Directory;

  constructor(context: PeopleContext) {
    this.#context = context;
    this.#links = context.sso.links;
    this.#directory = new Directory(context.people);
  }

  async list(userName: string): Promise<LinkView[]> {
    const user = await this.#directory.user(userName);
    return (await this.#links.list(user.id)).map(linkView);
  }

  async add(userName: string, request: NewLinkRequest, by: string): Promise<LinkView> {
    const { issuer, is_pattern: isPattern = false } = request;
    const user = await this.#directory.user(userName);
    const subject = issuer === CERTIFICATE_ISSUER ? certificateOf(user, request) : request.subject;
    if (isServersUser(user.name)) {
      throw new AppError("conflict", `"${user.name}" is the server's own: nobody signs in as it elsewhere`);
    }
    if (isPattern && user.kind !== "service") {
      throw new AppError(
        "invalid",
        `"${user.name}" is a person, and a pattern is for workloads of a service: name one subject`,
      );
    }
    const fault = isPattern ? patternFault(subject) : undefined;
    if (fault !== undefined) {
      throw new AppError("invalid", `${quoteName(subject)} cannot be a pattern of subjects: ${fault}`);
    }
    const createdAtMs = this.#context.clock.now();
    const link = {
      id: crypto.randomUUID(),
      user: user.id,
      issuer,
      subject,
      isPattern,
      createdAtMs,
      createdBy: by,
    };
    await this.#links.add(link);
    return linkView({ ...link, userName: user.name, lastUsedAtMs: null });
  }

  async remove(userName: string, id: string): Promise<void> {
    const user = await this.#directory.user(userName);
    const found = (await this.#links.list(user.id)).find((link) => link.id === id);
    if (found === undefined || !await this.#links.remove(found.id)) {
      throw new AppError("not_found", `"${user.name}" has no link with the id ${quoteName(id)}`);
    }
  }
}

/** Its SHA-256, as links have it. Throws invalid. */
function certificateOf(
  { name, kind }: Pick<UserRecord, "name" | "kind">,
  { subject, is_pattern: isPattern = false }: NewLinkRequest,
): string {
  if (kind !== "service") {
    throw new AppError("invalid", `"${name}" is a person: certificates let in services, people sign in`);
  }
  const fingerprint = isPattern ? undefined : readFingerprint(subject);
  if (fingerprint !== undefined) return fingerprint;
  throw new AppError(
    "invalid",
    `${quoteName(subject)} is no SHA-256 of a certificate: expected 64 hex digits, as ` +
      "openssl x509 -noout -fingerprint -sha256 prints them",
  );
}

function linkView(link: LinkRecord): LinkView {
  return {
    id: link.id,
    user: link.userName,
    issuer: link.issuer,
    subject: link.subject,
    is_pattern: link.isPattern,
    created_at: new Date(link.createdAtMs).toISOString(),
    created_by: link.createdBy,
    last_used_at: link.lastUsedAtMs === null ? null : new Date(link.lastUsedAtMs).toISOString(),
  };
}
