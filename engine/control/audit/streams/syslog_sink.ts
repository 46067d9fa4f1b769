import { createSocket } from "node:dgram";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { AuditLine } from "../../../../contract/audit/line.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { AuditSink } from "./sink.ts";
import { syslogLine } from "./syslog_line.ts";

const CONNECT_MS = 10_000;
/** Syslog acknowledges nothing: lines count as arrived when the connection has stood for so long after them. */
const STANDS_MS = 1_000;
/** A datagram may be no longer; a line that is longer goes without what has changed and without details. */
const MOST_DATAGRAM = 8_192;

export interface SyslogAddress {
  readonly transport: "udp" | "tcp" | "tls";
  readonly host: string;
  readonly port: number;
  /** PEM: the authorities that a certificate may be of, in place of the system's. */
  readonly authorities?: string | undefined;
}

/** Of `udp://`, `tcp://` or `tls://host:port`; a Unix socket is none. Throws invalid. */
export function readSyslogAddress(text: string): SyslogAddress {
  const [, transport, host = "", port] =
    /^(udp|tcp|tls):\/\/(\[[0-9a-fA-F:]+\]|[^:/?#@\s]+):(\d{1,5})\/?$/.exec(text) ?? [];
  const number = Number(port);
  if ((transport === "udp" || transport === "tcp" || transport === "tls") && number > 0 && number < 65_536) {
    return { transport, host: host.replaceAll(/[[\]]/g, ""), port: number };
  }
  throw new AppError(
    "invalid",
    `SLUICE_AUDIT_SYSLOG is "${text}", expected an address as tcp://logs.example.com:601, tls://… or udp://…`,
  );
}

/** RFC 5424 over UDP (RFC 5426), or over TCP or TLS with octet counting (RFC 6587, RFC 5425). */
export function createSyslogSink(address: SyslogAddress, standsMs: number = STANDS_MS): AuditSink {
  const name = `syslog ${address.transport}://${address.host}:${address.port}`;
  if (address.transport === "udp") {
    return {
      name,
      send: (lines) => sendDatagrams(address, lines),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  let socket: Socket | undefined;
  return {
    name,
    async send(lines, signal) {
      if (socket === undefined || socket.destroyed || !socket.writable) socket = await open(address);
      try {
        await write(socket, lines.map(framed).join(""), standsMs, signal);
      } catch (error) {
        socket.destroy();
        socket = undefined;
        throw error;
      }
    },
    [Symbol.asyncDispose]() {
      socket?.destroy();
      return Promise.resolve();
    },
  };
}

function framed(line: AuditLine): string {
  const text = syslogLine(line);
  return `${new TextEncoder().encode(text).length} ${text}`;
}

function open({ transport, host, port, authorities: ca }: SyslogAddress): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const options = { host, port };
    const socket = transport === "tls"
      ? connectTls({
        ...options,
        // A server's name is no address: RFC 6066, section 3.
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...(ca === undefined ? {} : { ca }),
      })
      : connectTcp(options);
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(CONNECT_MS, () => fail(new Error(`${host}:${port} does not answer`)));
    socket.once("error", fail);
    socket.once(transport === "tls" ? "secureConnect" : "connect", () => {
      socket.setTimeout(0);
      socket.off("error", fail);
      // What breaks between two sends is seen at the next one.
      socket.on("error", () => {});
      // What the other side says is nothing to us, but its end is.
      socket.resume();
      socket.on("end", () => socket.destroy());
      resolve(socket);
    });
  });
}

/** Returns when it was written and the connection has stood after that. Throws where it broke. */
function write(socket: Socket, text: string, standsMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const finish = (act: () => void) => () => {
      clearTimeout(timer);
      socket.off("close", broken);
      signal.removeEventListener("abort", broken);
      act();
    };
    const broken = finish(() => reject(new Error("the connection to the syslog receiver broke")));
    socket.once("close", broken);
    signal.addEventListener("abort", broken, { once: true });
    socket.write(text, (error) => {
      if (error) broken();
      else timer = setTimeout(finish(resolve), standsMs);
    });
  });
}

async function sendDatagrams({ host, port }: SyslogAddress, lines: readonly AuditLine[]): Promise<void> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  try {
    for (const line of lines) {
      const whole = new TextEncoder().encode(syslogLine(line));
      const bytes = whole.length <= MOST_DATAGRAM
        ? whole
        : new TextEncoder().encode(syslogLine({ ...line, change: null, details: { cut: true } }));
      await new Promise<void>((resolve, reject) =>
        socket.send(bytes, port, host, (error) => error ? reject(error) : resolve())
      );
    }
  } finally {
    socket.close();
  }
}
