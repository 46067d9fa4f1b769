import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { createSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { once } from "node:events";
import { systemClock } from "../../../../../contract/clock.ts";
import { createAudit } from "../../../../../engine/control/audit/audit_log.ts";
import { createFeed } from "../../../../../engine/control/audit/streams/feed.ts";
import { createFileSink } from "../../../../../engine/control/audit/streams/file_sink.ts";
import {
  createSyslogSink,
  readSyslogAddress,
} from "../../../../../engine/control/audit/streams/syslog_sink.ts";
import type { AuditSink } from "../../../../../engine/control/audit/streams/sink.ts";
import { auditSinks } from "../../../../../engine/control/audit/server_audit.ts";
import { TestAuthority } from "../../../../support/certificates.ts";
import { StoreFixture } from "../../store/store_fixture.ts";

const ACTOR = { id: "u1", name: 'an"n]\\', kind: "person", address: "192.0.2.1" } as const;
/** RFC 5424, section 6: header, one structured datum, and a message that is UTF-8. */
const MESSAGE =
  /^<(\d+)>1 (\S+) (\S{1,255}) sluice (\d+) (\S{1,32}) \[audit@32473((?: [a-z]+="(?:[^"\\\]]|\\["\\\]])*")+)\] \ufeff(.+)$/su;

/** Messages of octet counting (RFC 6587, section 3.4.1), as far as they are whole. */
function messagesOf(bytes: Uint8Array): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at);
    const length = Number(new TextDecoder().decode(bytes.subarray(at, space)));
    ok(Number.isInteger(length), "a count");
    const end = space + 1 + length;
    if (space === -1 || end > bytes.length) break;
    found.push(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(space + 1, end)));
    at = end;
  }
  return found;
}

const seqOf = (message: string): number => JSON.parse(MESSAGE.exec(message)?.[7] ?? "{}").seq;

class Receiver implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  /** Over TLS with a certificate. */
  constructor(tls?: { readonly cert: string; readonly key: string }) {
    this.#server = tls === undefined
      ? createServer((socket) => this.#take(socket))
      : createTlsServer({ cert: tls.cert, key: tls.key }, (socket) => this.#take(socket));
    this.#server.on("tlsClientError", () => {});
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    let bytes = new Uint8Array();
    socket.on("data", (part) => {
      if (typeof part === "string") return;
      bytes = new Uint8Array([...bytes, ...part]);
      const messages = messagesOf(bytes);
      this.seqs.push(...messages.slice(this.#counts.get(socket) ?? 0).map(seqOf));
      this.#counts.set(socket, messages.length);
      this.last = messages.at(-1) ?? "";
    });
    socket.on("error", () => {});
  }

  readonly #counts = new Map<Socket, number>();
  readonly seqs: number[] = [];
  last = "";

  async listen(port = 0): Promise<number> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 10_000; !await isSo();) {
    ok(Date.now() < endMs, "it took too long");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function withFeed(
  sink: AuditSink,
  work: (
    record: (count: number) => Promise<void>,
    store: Awaited<ReturnType<StoreFixture["open"]>>,
  ) => Promise<void>,
) {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  await using audit = createAudit({ store: store.audit, clock: systemClock, log: () => {} });
  await store.audit.cursor(sink.name);
  const feed = createFeed({ store: store.audit, audit, sink, clock: systemClock, log: () => {} });
  feed.start();
  try {
    await work(async (count) => {
      for (let n = 0; n < count; n++) await audit.record({ action: "sign_in", actor: ACTOR });
    }, store);
  } finally {
    await feed.stop();
  }
}

Deno.test("a syslog receiver over TCP gets every line, also those of while it was away", async () => {
  let port: number;
  {
    await using first = new Receiver();
    port = await first.listen();
    const sink = createSyslogSink({ transport: "tcp", host: "127.0.0.1", port }, 20);
    await withFeed(sink, async (record, store) => {
      await record(3);
      await until(async () => await store.audit.cursor(sink.name) === 3);
      // Lines count as sent when the connection has stood after them: this process may not have read them yet.
      await until(() => first.seqs.length >= 3);
      deepStrictEqual(first.seqs, [1, 2, 3]);
      const [, priority, , , , action, data] = MESSAGE.exec(first.last) ?? [];
      deepStrictEqual([priority, action], ["110", "sign_in"]);
      match(data ?? "", / actor="an\\"n\\\]\\\\" /);
      await first[Symbol.asyncDispose]();
      await record(2);
      await using second = new Receiver();
      await second.listen(port);
      await until(() => second.seqs.includes(5));
      deepStrictEqual([...new Set(second.seqs)], [4, 5]);
    });
  }
});

Deno.test("a syslog receiver over TLS gets every line, once its certificate is of the right authority and name", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-syslog-" });
  try {
    const [ours, others] = [
      await TestAuthority.create(folder),
      await TestAuthority.create(folder, "Another Authority"),
    ];
    const pair = await ours.issue({ name: "logs", names: "DNS:localhost,IP:127.0.0.1" });
    await using receiver = new Receiver(pair);
    const port = await receiver.listen();
    await using fixture = new StoreFixture();
    const store = await fixture.open();
    const [line] = await store.audit.append([{ entry: { action: "sign_in", actor: ACTOR }, atMs: 0 }]);
    ok(line !== undefined);
    const send = async (authorities?: string, host = "127.0.0.1") => {
      await using sink = createSyslogSink({ transport: "tls", host, port, authorities }, 20);
      await sink.send([line], new AbortController().signal);
    };
    await rejects(send(), /certificate|issuer/i);
    await rejects(send(others.cert), /certificate|issuer/i);
    deepStrictEqual(receiver.seqs, []);
    await send(ours.cert, "localhost");
    await until(() => receiver.seqs.length === 1);
    const elsewhere = await ours.issue({ name: "elsewhere", names: "DNS:logs.example.com" });
    await using another = new Receiver(elsewhere);
    const wrong = {
      transport: "tls",
      host: "127.0.0.1",
      port: await another.listen(),
      authorities: ours.cert,
    };
    await using sink = createSyslogSink({ ...wrong, transport: "tls" }, 20);
    await rejects(sink.send([line], new AbortController().signal), /name|altnames|valid/i);
    deepStrictEqual(another.seqs, []);

    // As the variables say, through the feed.
    const env: Record<string, string> = {
      SLUICE_AUDIT_SYSLOG: `tls://127.0.0.1:${port}`,
      SLUICE_AUDIT_SYSLOG_CA: ours.pair.certPath,
    };
    const [read] = await auditSinks((name) => env[name]);
    ok(read !== undefined);
    receiver.seqs.length = 0;
    await withFeed(read, async (record, fed) => {
      await record(2);
      await until(async () => await fed.audit.cursor(read.name) === 2);
      await until(() => receiver.seqs.length >= 2);
      deepStrictEqual(receiver.seqs, [1, 2]);
      ok(MESSAGE.test(receiver.last));
    });
    await read[Symbol.asyncDispose]();
    for (const [name, fault] of [["key", /no certificate/], ["none", /Cannot read/]] as const) {
      env["SLUICE_AUDIT_SYSLOG_CA"] = `${folder}/logs.${name}`;
      await rejects(auditSinks((name) => env[name]), fault);
    }
    env["SLUICE_AUDIT_SYSLOG"] = "tcp://127.0.0.1:601";
    await rejects(auditSinks((name) => env[name]), /for an address of TLS/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a syslog receiver over UDP gets a message a line, and a line that is too long without its details", async () => {
  const socket = createSocket("udp4");
  const got: string[] = [];
  socket.on("message", (bytes) => void got.push(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  await using fixture = new StoreFixture();
  const { audit } = await fixture.open();
  const details = { list: Array.from({ length: 90 }, () => "y".repeat(300)) };
  const lines = await audit.append([
    { entry: { action: "sign_in", actor: ACTOR, outcome: "refused" }, atMs: 0 },
    { entry: { action: "sign_in", actor: ACTOR, details }, atMs: 0 },
  ]);
  await using sink = createSyslogSink({ transport: "udp", host: "127.0.0.1", port });
  await sink.send(lines, new AbortController().signal);
  await until(() => got.length === 2);
  socket.close();
  strictEqual(MESSAGE.exec(got[0] ?? "")?.[1], "108");
  deepStrictEqual(JSON.parse(MESSAGE.exec(got[1] ?? "")?.[7] ?? "{}").details, { cut: true });
});

Deno.test("a file gets every line as JSON, goes on after it was moved away, and mends half a line", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/audit.ndjson`;
  try {
    await Deno.writeTextFile(path, '{"seq":0,"ha');
    const seqsIn = async (file: string) =>
      (await Deno.readTextFile(file)).trimEnd().split("\n").flatMap((text) => {
        try {
          return [JSON.parse(text).seq];
        } catch {
          return ["half"];
        }
      });
    const sink = createFileSink(path);
    await withFeed(sink, async (record, store) => {
      await record(2);
      await until(async () => await store.audit.cursor(sink.name) === 2);
      deepStrictEqual(await seqsIn(path), ["half", 1, 2]);
      await Deno.rename(path, `${path}.1`);
      await record(1);
      await until(async () => await store.audit.cursor(sink.name) === 3);
      deepStrictEqual(await seqsIn(path), [3]);
      strictEqual(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("readSyslogAddress() takes a transport, a host and a port, and nothing else", () => {
  deepStrictEqual(readSyslogAddress("tls://[::1]:6514"), { transport: "tls", host: "::1", port: 6514 });
  for (
    const text of ["tcp://host", "http://host:1", "tcp://user@host:1", "udp://host:99999", "unix:/dev/log"]
  ) {
    throws(() => readSyslogAddress(text), /expected an address/, text);
  }
});
