/**
 * Stands between a run's process and a server. `cutAfter` has it cut every connection, and refuse new ones, once so
 * many bytes have passed; `mend` lets them through again.
 */
export class CuttingRelay implements AsyncDisposable {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #upstream: { readonly hostname: string; readonly port: number };
  readonly #open = new Set<Deno.TcpConn>();
  readonly #passing = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  #left = Infinity;

  constructor(upstream: { readonly hostname: string; readonly port: number }) {
    this.#upstream = upstream;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#accepting = this.#accept();
  }

  /** The same address by way of the relay. */
  static before(url: string): { readonly relay: CuttingRelay; readonly url: string } {
    const direct = new URL(url);
    const relay = new CuttingRelay({ hostname: direct.hostname, port: Number(direct.port) });
    direct.host = `127.0.0.1:${relay.port}`;
    return { relay, url: direct.href };
  }

  cutAfter(bytes: number): void {
    this.#left = bytes;
  }

  mend(): void {
    this.#left = Infinity;
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      if (this.#left <= 0) client.close();
      else this.#keep(this.#relay(client));
    }
  }

  #keep(work: Promise<void>): void {
    this.#passing.add(work);
    work.finally(() => this.#passing.delete(work));
  }

  async #relay(client: Deno.TcpConn): Promise<void> {
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect(this.#upstream);
    } catch {
      client.close();
      return;
    }
    for (const end of [client, server]) this.#open.add(end);
    await Promise.all([this.#pass(client, server), this.#pass(server, client)]);
  }

  async #pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(16_384);
    try {
      for (let length = await from.read(buffer); length !== null; length = await from.read(buffer)) {
        // What comes after the cut is lost in the middle of a message.
        const passed = Math.min(length, this.#left);
        this.#left -= passed;
        for (let sent = 0; sent < passed;) sent += await to.write(buffer.subarray(sent, passed));
        if (this.#left <= 0) this.#cut();
      }
    } catch {
      // The other direction has closed both.
    }
    this.#close(from);
    this.#close(to);
  }

  #cut(): void {
    for (const end of [...this.#open]) this.#close(end);
  }

  #close(end: Deno.TcpConn): void {
    if (this.#open.delete(end)) end.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    this.#cut();
    await Promise.all(this.#passing);
  }
}
