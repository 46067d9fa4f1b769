import type { UserView } from "../../../../contract/access/people.ts";
import { FACTOR_NAMES } from "../../../../contract/access/factors.ts";
import { CERTIFICATE_ISSUER, type LinkView } from "../../../../contract/access/links.ts";
import type { PasswordSet } from "../../../../contract/access/passwords.ts";
import { AppError } from "../../../../contract/errors.ts";
import { grantsText } from "../../../../contract/access/scope.ts";
import { formatPlural } from "../../../../text/format.ts";
import { listWords } from "../../../../text/suggest.ts";
import { formatTable } from "../../table.ts";
import type { Terminal } from "../../terminal.ts";
import { formatTime, withoutSeconds } from "../../text.ts";
import type { Invocation } from "../../command.ts";
import { localName, type PeopleActions, peopleCommand } from "./people_command.ts";
import { readNewPassword } from "./read_password.ts";

const ACTIONS: PeopleActions = {
  async list({ people, terminal, isJson }) {
    showList(await people.users.list({}), isJson, terminal);
  },
  async show({ people, terminal, isJson, need }) {
    const [name = ""] = need("the NAME of a user");
    showOne(await people.users.get(name), isJson, terminal);
  },
  async create({ people, invocation, context, terminal, isJson, need }) {
    const [name = ""] = need("a NAME for the user");
    const password = invocation.flag("password-stdin")
      ? {
        password: await readNewPassword(invocation, context.secretInput),
        must_change: mustChange(invocation),
      }
      : {};
    const [email, displayName, role] = [
      invocation.text("email"),
      invocation.text("display-name"),
      invocation.text("role"),
    ];
    const user = await people.users.create({
      name,
      kind: invocation.flag("service") ? "service" : "person",
      ...(email === undefined ? {} : { email }),
      ...(displayName === undefined ? {} : { display_name: displayName }),
      ...(role === undefined ? {} : { role }),
      ...password,
    }, localName());
    terminal.out(
      isJson
        ? JSON.stringify(user)
        : `Created the user ${user.name}: ${grantsText(user.grants) || "no role"}`,
    );
  },
  async invite({ people, invocation, terminal, isJson, need }) {
    const [name = ""] = need("a NAME for the user");
    const [email, displayName, role] = [
      invocation.text("email"),
      invocation.text("display-name"),
      invocation.text("role"),
    ];
    const invitation = await people.invitations.invite({
      name,
      ...(email === undefined ? {} : { email }),
      ...(displayName === undefined ? {} : { display_name: displayName }),
      ...(role === undefined ? {} : { role }),
    }, localName());
    const { user, link, problem, expires_at: until } = invitation;
    if (isJson) return terminal.out(JSON.stringify(invitation));
    if (link === null) return terminal.out(`Invited ${user.name}: a mail is on its way to ${user.email}`);
    terminal.note(`Invited ${user.name}. ${problem ?? ""}. It is good once, until ${formatTime(until)} UTC:`);
    terminal.out(link);
  },
  async "set-password"({ people, invocation, context, terminal, isJson, need }) {
    const [name = ""] = need("the NAME of a user");
    const { id, name: known } = await people.users.get(name);
    const endsTokens = readEndsTokens(invocation);
    const password = await readNewPassword(invocation, context.secretInput);
    const set = await people.passwords.set(id, {
      password,
      must_change: mustChange(invocation),
      end_tokens: endsTokens,
    }, localName());
    if (isJson) return terminal.out(JSON.stringify({ id, ...set }));
    const tokens = set.tokens_ended === 0 ? "" : ` and ${formatPlural(set.tokens_ended, "token")}`;
    terminal.out(`Set the password of ${known}, and ended its sessions${tokens}`);
    noteMail(set, terminal);
  },
  async "reset-factors"({ people, terminal, isJson, need }) {
    const [name = ""] = need("the NAME of a user");
    const { id, name: known } = await people.users.get(name);
    const gone = await people.factors.reset(id, localName());
    if (isJson) return terminal.out(JSON.stringify(gone));
    const what = listWords(gone.kinds.map((kind) => FACTOR_NAMES[kind]), "and");
    terminal.out(
      gone.kinds.length === 0
        ? `${known} had no second factor`
        : `Removed the ${what} of ${known} with the recovery codes, and ended what was signed in`,
    );
    noteMail(gone, terminal);
  },
  async disable({ people, terminal, isJson, need }) {
    const [name = ""] = need("the NAME of a user");
    const user = await people.users.change(name, { disabled: true });
    terminal.out(isJson ? JSON.stringify(user) : `${user.name} is let in no more`);
  },
  async enable({ people, terminal, isJson, need }) {
    const [name = ""] = need("the NAME of a user");
    const user = await people.users.change(name, { disabled: false });
    terminal.out(isJson ? JSON.stringify(user) : `${user.name} is let in again`);
  },
  async remove({ people, terminal, isJson, need }) {
    const [name = ""] = need("the NAME of a user");
    const { id, name: known } = await people.users.get(name);
    await people.users.remove(id);
    terminal.out(isJson ? JSON.stringify({ id }) : `Removed ${known} with its tokens, sessions and grants`);
  },
  async identities({ people, terminal, isJson, need }) {
    const [name = ""] = need("the NAME of a user");
    showLinks(await people.links.list(name), isJson, terminal);
  },
  async link({ people, invocation, terminal, isJson, need }) {
    const [name = ""] = need("the NAME of a user");
    const [issuer, subject, pattern, certificate] = [
      invocation.text("issuer"),
      invocation.text("subject"),
      invocation.text("subject-pattern"),
      invocation.text("certificate"),
    ];
    if (certificate !== undefined) {
      if (issuer !== undefined || subject !== undefined || pattern !== undefined) {
        throw new AppError("invalid", "--certificate stands for itself: leave out --issuer and the subject");
      }
      const link = await people.links.add(name, {
        issuer: CERTIFICATE_ISSUER,
        subject: certificate,
      }, localName());
      return terminal.out(
        isJson
          ? JSON.stringify(link)
          : `Whoever shows the certificate ${link.subject} is ${link.user} from now on`,
      );
    }
    const meant = subject ?? pattern;
    if (issuer === undefined || meant === undefined || subject !== undefined && pattern !== undefined) {
      throw new AppError(
        "invalid",
        "sluice users link needs --issuer and one of --subject and --subject-pattern, or --certificate",
      );
    }
    const link = await people.links.add(name, {
      issuer,
      subject: meant,
      ...(pattern === undefined ? {} : { is_pattern: true }),
    }, localName());
    terminal.out(
      isJson ? JSON.stringify(link) : `${link.user} is ${link.subject} of ${link.issuer} from now on`,
    );
  },
  async unlink({ people, terminal, isJson, need }) {
    const [name = "", id = ""] = need("the NAME of a user", "the ID of the link");
    await people.links.remove(name, id);
    terminal.out(isJson ? JSON.stringify({ id }) : `Removed the link; its sessions and tokens have ended`);
  },
};

/** `sluice users [list | show | create | invite | set-password | reset-factors | disable | enable | remove | identities | link | unlink] NAME`. */
export const users = peopleCommand(ACTIONS, ["list", "show", "identities"]);

/** Whoever types a password here is taken for its owner, or hands it over by a safe way. */
const mustChange = (invocation: Invocation) => invocation.flag("must-change");

/** Both are said by name, so that a script does not depend on what is the default. Throws invalid for both at once. */
function readEndsTokens(invocation: Invocation): boolean {
  const keeps = invocation.flag("keep-tokens");
  if (!keeps || !invocation.flag("end-tokens")) return !keeps;
  throw new AppError("invalid", "--end-tokens and --keep-tokens do not go together");
}

function noteMail({ problem }: Pick<PasswordSet, "problem">, terminal: Terminal): void {
  if (problem !== null) terminal.note(problem);
}

function showList(list: readonly UserView[], isJson: boolean, terminal: Terminal): void {
  if (isJson) return terminal.out(JSON.stringify(list));
  terminal.out(formatTable(
    [
      { title: "NAME", minWidth: 12 },
      { title: "KIND" },
      { title: "STATE" },
      { title: "ROLES", minWidth: 12 },
      { title: "GROUPS", minWidth: 8, mayGo: true },
      { title: "FACTORS", mayGo: true },
      { title: "LAST SEEN (UTC)", short: withoutSeconds },
    ],
    list.map((user) => [
      user.name,
      user.kind,
      user.state,
      grantsText(user.grants) || "–",
      user.groups.join(", ") || "–",
      user.factors.join(", ") || "–",
      formatTime(user.last_seen_at),
    ]),
    terminal.tableColumns(),
  ));
}

function showOne(user: UserView, isJson: boolean, terminal: Terminal): void {
  if (isJson) return terminal.out(JSON.stringify(user));
  const facts = [
    ["Name", user.name],
    ["Kind", `${user.kind}, ${user.state}`],
    ["E-mail", user.email ?? "–"],
    ["Groups", user.groups.join(", ") || "–"],
    ["Roles", grantsText(user.grants) || "–"],
    ["Is", user.identities.map(({ issuer, subject }) => `${subject} of ${issuer}`).join(", ") || "–"],
    ["Factors", factorsText(user) || "–"],
    ["Last seen", formatTime(user.last_seen_at)],
    ["Id", user.id],
  ] as const;
  for (const [title, text] of facts) terminal.out(`${title.padEnd(10)} ${text}`);
}

const factorsText = ({ factors }: UserView): string => factors.map((kind) => FACTOR_NAMES[kind]).join(", ");

function showLinks(list: readonly LinkView[], isJson: boolean, terminal: Terminal): void {
  if (isJson) return terminal.out(JSON.stringify(list));
  terminal.out(formatTable(
    [
      { title: "ID" },
      { title: "ISSUER", minWidth: 20 },
      { title: "SUBJECT", minWidth: 20 },
      { title: "LAST USED (UTC)", short: withoutSeconds, mayGo: true },
    ],
    list.map((link) => [
      link.id,
      link.issuer,
      link.is_pattern ? `${link.subject} (pattern)` : link.subject,
      formatTime(link.last_used_at),
    ]),
    terminal.tableColumns(),
  ));
}
