import { join } from "node:path";

/** A certificate and its key, as PEM files and as texts. */
export interface Pair {
  readonly certPath: string;
  readonly keyPath: string;
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** Of the subject; names the files too. */
  readonly name: string;
  /** As `DNS:localhost,IP:127.0.0.1`; the name as DNS by default. */
  readonly names?: string;
  readonly days?: number;
}

/** An authority of a test's own, with what it has vouched for. Needs openssl. */
export class TestAuthority {
  readonly pair: Pair;
  readonly folder: string;

  private constructor(folder: string, pair: Pair) {
    this.folder = folder;
    this.pair = pair;
  }

  /** PEM. */
  get cert(): string {
    return this.pair.cert;
  }

  static async create(folder: string, name = "Test Authority"): Promise<TestAuthority> {
    const stem = join(folder, name.replaceAll(" ", "_"));
    await openssl(
      ...["req", "-x509", "-noenc", "-days", "3650", "-subj", `/CN=${name}`, ...KEY],
      ...["-keyout", `${stem}.key`, "-out", `${stem}.crt`],
      ...["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign,cRLSign"],
    );
    return new TestAuthority(folder, await readPair(stem));
  }

  /** A certificate for `name` that this authority vouches for; its file has no chain. */
  async issue({ name, names = `DNS:${name}`, days = 30 }: CertificateOptions): Promise<Pair> {
    const stem = join(this.folder, name);
    await Deno.writeTextFile(`${stem}.ext`, `subjectAltName=${names}\nbasicConstraints=CA:FALSE\n`);
    await openssl(
      ...["req", "-new", "-noenc", "-subj", `/CN=${name}`, ...KEY],
      ...["-keyout", `${stem}.key`, "-out", `${stem}.csr`],
    );
    await openssl(
      ...["x509", "-req", "-in", `${stem}.csr`, "-out", `${stem}.crt`, "-days", String(days)],
      ...["-CA", this.pair.certPath, "-CAkey", this.pair.keyPath, "-CAcreateserial"],
      ...["-extfile", `${stem}.ext`],
    );
    return await readPair(stem);
  }
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

/** Fails with what openssl says. */
export async function openssl(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args, stderr: "piped", stdout: "null" })
    .output();
  if (!success) throw new Error(`openssl ${args[0]} failed: ${new TextDecoder().decode(stderr)}`);
}

async function readPair(stem: string): Promise<Pair> {
  const [certPath, keyPath] = [`${stem}.crt`, `${stem}.key`];
  return {
    certPath,
    keyPath,
    cert: await Deno.readTextFile(certPath),
    key: await Deno.readTextFile(keyPath),
  };
}
