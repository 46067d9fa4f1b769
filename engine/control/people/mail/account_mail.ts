import { AppError } from "../../../../contract/errors.ts";
import { isThisMachine } from "../../../../contract/network/this_machine.ts";
import type { Variables } from "../../../../contract/settings/variables.ts";
import type { MailServer } from "../../../runs/alerts/transports/smtp.ts";

/** Mails to people about their accounts. */
export interface AccountMail {
  /** Returns when a mail server has taken it. Throws `unavailable` with what was against it. */
  send(to: string, subject: string, text: string): Promise<void>;
}

export interface MailSettings {
  readonly server: MailServer;
  /** As `Sluice <sluice@example.com>`. */
  readonly from: string;
}

/** For a whole mail. */
const SEND_MS = 20_000;

const EXPECTED =
  "expected smtp://user:password@mail.example.com:587, or smtps:// for TLS from the first byte";

/**
 * From SLUICE_SMTP_URL and SLUICE_MAIL_FROM; undefined where nobody has named a server. Throws `invalid`, with nothing
 * of the password.
 */
export function readMailSettings(
  env: Variables,
  publicUrl: string | undefined,
): MailSettings | undefined {
  const text = env("SLUICE_SMTP_URL") ?? "";
  if (text === "") return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["smtp:", "smtps:"].includes(url.protocol) || url.hostname === "") {
    throw new AppError("invalid", `SLUICE_SMTP_URL is no address of a mail server: ${EXPECTED}`);
  }
  const from = env("SLUICE_MAIL_FROM") ?? "";
  if (!/^[^\r\n]*[^\s@]@[^\s@][^\r\n]*$/.test(from)) {
    throw new AppError(
      "invalid",
      "SLUICE_SMTP_URL needs SLUICE_MAIL_FROM, whom mails are from: Sluice <sluice@example.com>",
    );
  }
  if (publicUrl === undefined) {
    throw new AppError(
      "invalid",
      "SLUICE_SMTP_URL needs SLUICE_PUBLIC_URL: links in mails are made of it, and of nothing that a request says",
    );
  }
  return { from, server: serverOf(url) };
}

function serverOf(url: URL): MailServer {
  const security = securityOf(url);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (security === "none" && url.username !== "" && !isThisMachine(host)) {
    throw new AppError(
      "invalid",
      "SLUICE_SMTP_URL would send its password in the clear to another machine: leave security=none out",
    );
  }
  return {
    host,
    security,
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    ...(url.username === "" ? {} : { username: decoded(url.username), password: decoded(url.password) }),
  };
}

function securityOf({ protocol, searchParams }: URL): NonNullable<MailServer["security"]> {
  if (protocol === "smtps:") return "tls";
  const asked = searchParams.get("security");
  if (asked === null || asked === "starttls") return "starttls";
  if (asked === "none") return "none";
  throw new AppError("invalid", `SLUICE_SMTP_URL: security is starttls (the default) or none; ${EXPECTED}`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new AppError("invalid", "SLUICE_SMTP_URL: a % in its name or password is to be written %25", {
      cause,
    });
  }
}

/** The operator has named the server: the policy, which holds projects back, is not asked. */
export function createAccountMail({ server, from }: MailSettings): AccountMail {
  const way = { judge: () => Promise.resolve([server.host]) };
  return {
    async send(to, subject, text) {
      const { deliverMail } = await import("../../../runs/alerts/transports/smtp.ts");
      const mail = { from, to: { name: "", address: to }, subject, text };
      const receipt = await deliverMail(server, mail, way, AbortSignal.timeout(SEND_MS));
      if (!receipt.isTaken) throw new AppError("unavailable", `The mail was not taken: ${receipt.words}`);
    },
  };
}
