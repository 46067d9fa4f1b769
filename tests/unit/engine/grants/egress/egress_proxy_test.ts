import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import { EgressProxy } from "../../../../../engine/grants/egress/egress_proxy.ts";
import { HostGuard, type Resolve } from "../../../../../engine/grants/egress/host_guard.ts";
import { type HostRule, parseHostRule } from "../../../../../engine/grants/host_rules.ts";

const rules = (...texts: string[]): HostRule[] =>
  texts.map(parseHostRule).filter((rule) => rule !== undefined);

interface Setting {
  readonly hosts: readonly string[];
  readonly privateHosts?: readonly string[];
  readonly resolve?: Resolve;
}

/** A client whose requests go through a proxy that lets it to these hosts. */
async function through(setting: Setting) {
  const proxy = new EgressProxy();
  const { hosts, privateHosts = [], resolve } = setting;
  const policy = { hostsAllow: undefined, hostsDeny: [], privateHostsAllow: rules(...privateHosts) };
  const admission = proxy.admit(new HostGuard(policy, hosts, resolve));
  const url = `socks5h://${await proxy.open()}`;
  const client = Deno.createHttpClient({
    proxy: { transport: "socks5", url, basicAuth: { username: "sluice", password: admission.token } },
  });
  return {
    admission,
    proxy,
    get: (address: string) => fetch(address, { client, redirect: "manual" } as RequestInit),
    async [Symbol.asyncDispose]() {
      client.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

function serve(handler: () => Response) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("a request reaches the judged address of a name, which is asked for its own name", async () => {
  await using server = serve(() => new Response("here"));
  const host = `api.example.test:${server.port}`;
  await using way = await through({
    hosts: [host],
    privateHosts: ["api.example.test"],
    resolve: () => Promise.resolve(["127.0.0.1"]),
  });
  equal(await (await way.get(`http://${host}/`)).text(), "here");
});

Deno.test("a large body passes whole", async () => {
  const bytes = new Uint8Array(20_000_000).map((_, index) => index * 7);
  await using server = serve(() => new Response(bytes));
  const host = `127.0.0.1:${server.port}`;
  await using way = await through({ hosts: [host], privateHosts: ["127.0.0.1"] });
  deepEqual(await (await way.get(`http://${host}/`)).bytes(), bytes);
});

Deno.test("a name that has a private address beside a public one leads nowhere", async () => {
  let asked = 0;
  await using server = serve(() => {
    asked++;
    return new Response();
  });
  const host = `api.example.test:${server.port}`;
  await using way = await through({
    hosts: [host],
    resolve: () => Promise.resolve(["93.184.216.34", "127.0.0.1"]),
  });
  await rejects(way.get(`http://${host}/`));
  equal(asked, 0);
});

Deno.test("the address is the one that was judged, whatever the name means a moment later", async () => {
  await using server = serve(() => new Response("here"));
  const host = `api.example.test:${server.port}`;
  const answers = [["127.0.0.1"], ["127.0.0.2"]];
  const resolved: string[][] = [];
  await using way = await through({
    hosts: [host],
    privateHosts: ["127.0.0.1"],
    resolve: () => {
      const answer = answers[Math.min(resolved.length, 1)] ?? [];
      resolved.push(answer);
      return Promise.resolve(answer);
    },
  });
  equal(await (await way.get(`http://${host}/`)).text(), "here");
  equal(resolved.length, 1);
});

Deno.test("a host that the pipeline does not name is refused", async () => {
  await using server = serve(() => new Response("here"));
  await using way = await through({ hosts: ["api.example.test:443"], privateHosts: ["*"] });
  await rejects(way.get(`http://127.0.0.1:${server.port}/`));
});

Deno.test("nobody gets in without a token, or with one whose process has ended", async () => {
  await using server = serve(() => new Response("here"));
  const host = `127.0.0.1:${server.port}`;
  await using way = await through({ hosts: [host], privateHosts: ["127.0.0.1"] });
  const url = `socks5h://${await way.proxy.open()}`;
  for (const basicAuth of [undefined, { username: "sluice", password: "guessed" }]) {
    using client = Deno.createHttpClient({
      proxy: { transport: "socks5", url, ...(basicAuth === undefined ? {} : { basicAuth }) },
    });
    await rejects(fetch(`http://${host}/`, { client } as RequestInit));
  }
  await (await way.get(`http://${host}/`)).text();
  way.admission[Symbol.dispose]();
  await rejects(way.get(`http://${host}/`));
});

/** A server that sends the beginning of a body without a length, and ends the connection so. */
async function cutting(end: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nid\n1\n");
      setTimeout(() => end(socket), 20);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = address !== null && typeof address !== "string" ? address.port : 0;
  return { port, [Symbol.asyncDispose]: async () => void await new Promise((done) => server.close(done)) };
}

Deno.test("a connection that is cut is cut for the client too, and does not end", async () => {
  await using server = await cutting((socket) => socket.resetAndDestroy());
  const host = `127.0.0.1:${server.port}`;
  await using way = await through({ hosts: [host], privateHosts: ["127.0.0.1"] });
  await rejects(way.get(`http://${host}/`).then((response) => response.text()));
});

Deno.test("a connection that ends ends for the client too", async () => {
  await using server = await cutting((socket) => socket.end());
  const host = `127.0.0.1:${server.port}`;
  await using way = await through({ hosts: [host], privateHosts: ["127.0.0.1"] });
  equal(await (await way.get(`http://${host}/`)).text(), "id\n1\n");
});

Deno.test("what no address accepts, and what is no SOCKS, ends and holds nothing up", async () => {
  const closed = serve(() => new Response());
  await closed[Symbol.asyncDispose]();
  const host = `127.0.0.1:${closed.port}`;
  await using way = await through({ hosts: [host], privateHosts: ["127.0.0.1"] });
  await rejects(way.get(`http://${host}/`));
  const [hostname = "", port] = (await way.proxy.open()).split(":");
  for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "\x05\x01\x00", "\x05\x00", "\x04\x01"]) {
    using connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.write(new TextEncoder().encode(bytes));
    await connection.closeWrite().catch(() => {});
    const rest = new Uint8Array(10);
    ok((await connection.read(rest).catch(() => null) ?? 0) <= 2);
  }
});

Deno.test("a refusal says what the policy has to allow", async () => {
  const policy = { hostsAllow: undefined, hostsDeny: [], privateHostsAllow: [] };
  const guard = new HostGuard(
    policy,
    ["api.example.test:443", "10.0.0.1:443"],
    () => Promise.resolve(["169.254.169.254"]),
  );
  await rejects(guard.judge("api.example.test:443"), (error: Error) => {
    match(
      error.message,
      /api\.example\.test has the address 169\.254\.169\.254, which is link-local.*private_hosts_allow/,
    );
    return true;
  });
  await rejects(
    guard.judge("10.0.0.1:443"),
    /it is a private network; where that is meant, add 10\.0\.0\.1 to/,
  );
  await rejects(guard.judge("other.test:443"), /no connector of the pipeline names it/);
});
