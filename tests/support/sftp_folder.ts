import * as v from "valibot";

const serverSchema = v.object({
  host: v.string(),
  port: v.number(),
  user: v.string(),
  password: v.string(),
  private_key: v.string(),
  host_key: v.string(),
  folder: v.string(),
});
export type SftpTestServer = v.InferOutput<typeof serverSchema>;

/** The tests' SFTP server. */
export function sftpServer(): SftpTestServer {
  const text = Deno.env.get("SLUICE_TEST_SFTP");
  if (!text) throw new Error("SLUICE_TEST_SFTP is not set: run the tests with deno task test");
  return v.parse(serverSchema, JSON.parse(text));
}

/** A folder of the server for one test alone, seen with other eyes than the connector's. Disposing of it removes it. */
export class SftpFolder implements AsyncDisposable {
  /** On the local disk. Absolute. */
  readonly path: string;
  readonly name: string;
  readonly server: SftpTestServer;

  private constructor(server: SftpTestServer, name: string) {
    this.server = server;
    this.name = name;
    this.path = `${server.folder}/${name}`;
  }

  static async create(): Promise<SftpFolder> {
    const folder = new SftpFolder(sftpServer(), crypto.randomUUID());
    await Deno.mkdir(folder.path);
    return folder;
  }

  /** A connector's config for it, without `type`. */
  config(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    const { host, port, user, password, host_key } = this.server;
    return { host, port, user, password, host_key, root: `/${this.name}`, ...more };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
