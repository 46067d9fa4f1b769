import { once } from "node:events";
import { connect, isIP, type Socket } from "node:net";
import type { SmtpNotifier } from "../../../../contract/alerts/notifiers.ts";
import { AppError } from "../../../../contract/errors.ts";
import { textOf } from "../messages.ts";
import type { AlertWay, Receipt, Transport } from "./transport.ts";

const TIMEOUT_MS = 10_000;
const PORTS: Readonly<Record<string, number>> = { starttls: 587, tls: 465, none: 25 };

/** Where mails are handed over. */
export type MailServer = Pick<
  SmtpNotifier,
  "host" | "port" | "security" | "username" | "password" | "ca"
>;

/** One mail, plain text. An address that is given as an object is one, whatever stands in it. */
export interface Mail {
  readonly from: string;
  readonly to: string | string[] | { readonly name: string; readonly address: string };
  readonly subject: string;
  readonly text: string;
  readonly messageId?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A mail of an alert. */
export const sendMail: Transport<SmtpNotifier> = (notifier, message, way, signal) =>
  deliverMail(
    notifier,
    {
      from: notifier.from,
      to: notifier.to,
      subject: message.title,
      text: `${textOf(message)}\n`,
      messageId: `<${message.id}@sluice>`,
      headers: { "X-Sluice-Delivery": message.id, "X-Sluice-Repeated": String(message.isRepeated) },
    },
    way,
    signal,
  );

/** Hands a mail to the server. The address that was judged is the one that is connected to. */
export async function deliverMail(
  server: MailServer,
  mail: Mail,
  way: Pick<AlertWay, "judge">,
  signal: AbortSignal,
): Promise<Receipt> {
  const { host, security = "starttls", username, password } = server;
  const port = Number(server.port ?? PORTS[security]);
  const place = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const [address] = await way.judge(
    place,
    security === "none" && username !== undefined
      ? { because: "security is none", advice: "leave security out, for STARTTLS" }
      : undefined,
  );
  if (address === undefined) throw new AppError("unavailable", `${host} has no address`);
  let socket: Socket | undefined;
  const cut = () => socket?.destroy();
  signal.addEventListener("abort", cut, { once: true });
  try {
    socket = await connected(address, port, signal);
    // Loaded when the first mail is sent: most servers send none.
    const { createTransport } = await import("nodemailer");
    const transport = createTransport({
      host: address,
      port,
      secure: security === "tls",
      requireTLS: security === "starttls",
      ignoreTLS: security === "none",
      tls: {
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...(server.ca === undefined ? {} : { ca: server.ca }),
      },
      ...(username === undefined ? {} : { auth: { user: username, pass: password ?? "" } }),
      greetingTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
      getSocket: (_options, done) => done(null, { connection: socket }),
    });
    const { response } = await Promise.race([
      transport.sendMail({ ...mail, headers: { ...mail.headers } }),
      ended(signal, place),
    ]);
    return { isTaken: true, words: response };
  } catch (error) {
    return refusalOf(error, place);
  } finally {
    signal.removeEventListener("abort", cut);
    socket?.destroy();
  }
}

/** Throws what the system says of the connection, and where it takes too long. */
async function connected(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host, port });
  try {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    await once(socket, "connect", { signal: inTime });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Throws `timeout` when the signal fires. */
function ended(signal: AbortSignal, place: string): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(new AppError("timeout", `${place} has not answered in time`));
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

/** A reply of 5xx stands (RFC 5321); everything else may pass. */
function refusalOf(error: unknown, place: string): Receipt {
  const message = error instanceof Error ? error.message : String(error);
  const status = error instanceof Error && "responseCode" in error ? Number(error.responseCode) : undefined;
  const isFinal = status !== undefined && status >= 500 && status < 600;
  return { isTaken: false, words: `${place}: ${message}`, isFinal };
}
