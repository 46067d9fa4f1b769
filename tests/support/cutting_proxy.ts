/**
 * Between a client of MySQL and its server, until the server has answered one of the client's statements: nobody
 * hears of it, and both are cut off, for good.
 */
export class CuttingProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #connections: Deno.TcpConn[] = [];
  readonly #working: Promise<void>[] = [];
  readonly #last: number;
  #statements = 0;
  #isCut = false;

  private constructor(last: number) {
    this.#last = last;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  }

  /** `last` is the number of that statement, from 1, over all connections. */
  static start(server: { readonly hostname: string; readonly port: number }, last: number): CuttingProxy {
    const proxy = new CuttingProxy(last);
    proxy.#working.push(proxy.#accept(server));
    return proxy;
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Whether that statement came. */
  get hasCut(): boolean {
    return this.#isCut;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
    await Promise.all(this.#working);
  }

  async #accept(server: { readonly hostname: string; readonly port: number }): Promise<void> {
    try {
      for await (const client of this.#listener) {
        const upstream = await Deno.connect(server);
        this.#connections.push(client, upstream);
        this.#working.push(this.#upwards(client, upstream), this.#downwards(upstream, client));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** A statement begins where a packet has the number 0. */
  async #upwards(client: Deno.TcpConn, upstream: Deno.TcpConn): Promise<void> {
    let left = 0;
    await pump(client, async (bytes) => {
      for (let at = 0; at < bytes.length;) {
        if (left > 0) {
          const skipped = Math.min(left, bytes.length - at);
          [left, at] = [left - skipped, at + skipped];
          continue;
        }
        const [low = 0, middle = 0, high = 0, sequence = 0] = bytes.subarray(at, at + 4);
        if (sequence === 0) this.#statements++;
        left = low + (middle << 8) + (high << 16) + 4;
      }
      await writeAll(upstream, bytes);
    });
    this.#end();
  }

  async #downwards(upstream: Deno.TcpConn, client: Deno.TcpConn): Promise<void> {
    await pump(upstream, async (bytes) => {
      if (this.#statements < this.#last) return await writeAll(client, bytes);
      this.#isCut = true;
      this.#end();
    });
    this.#end();
  }

  #end(): void {
    for (const end of [this.#listener, ...this.#connections]) {
      try {
        end.close();
      } catch (error) {
        if (!(error instanceof Deno.errors.BadResource)) throw error;
      }
    }
  }
}

/** Until one of the sides is closed. */
async function pump(from: Deno.TcpConn, take: (bytes: Uint8Array) => Promise<void> | void): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) return;
      await take(buffer.subarray(0, count));
    }
  } catch (error) {
    if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
    if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe) return;
    throw error;
  }
}

async function writeAll(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}
