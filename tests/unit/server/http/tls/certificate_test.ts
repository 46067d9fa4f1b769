import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { join } from "node:path";
import { checkCertificate } from "../../../../../server/cli/commands/operations/certificate_check.ts";
import { expiryWarning, readServerCertificate } from "../../../../../server/http/tls/certificate.ts";
import { CertificateKeeper } from "../../../../../server/http/tls/certificate_keeper.ts";
import { readTlsSettings } from "../../../../../server/http/tls/tls_settings.ts";
import { openssl, TestAuthority } from "../../../../support/certificates.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";

const folder = await Deno.makeTempDir({ prefix: "sluice-certificate-" });
const authority = await TestAuthority.create(folder);
const own = await authority.issue({ name: "own.example", names: "DNS:own.example,IP:10.0.0.7" });
const other = await authority.issue({ name: "other.example" });
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

const write = async (name: string, text: string, mode = 0o600) => {
  const path = join(folder, name);
  await Deno.writeTextFile(path, text);
  await Deno.chmod(path, mode);
  return path;
};

const DAY_MS = 86_400_000;

Deno.test("a certificate says whom it is for, and how long", async () => {
  const found = await readServerCertificate(own);
  equal(found.names, "own.example, 10.0.0.7");
  equal(Math.round((found.expiresAtMs - found.validFromMs) / DAY_MS), 30);
  deepEqual(found.warnings, []);
  const at = (daysLeft: number) => expiryWarning(found, found.expiresAtMs - daysLeft * DAY_MS);
  equal(at(11), undefined);
  match(at(9.5) ?? "", /expires on \d{4}-\d\d-\d\d \d\d:\d\dZ, in 9 days: renew it/);
  match(at(-1) ?? "", /has expired on/);
  match(at(31) ?? "", /is valid from .* only: is the clock right\?/);
});

Deno.test("what cannot be used is named with what to do", async () => {
  const encrypted = join(folder, "encrypted.key");
  await openssl("pkey", "-in", own.keyPath, "-aes256", "-passout", "pass:x", "-out", encrypted);
  const chain = await write("wrong_order.crt", authority.cert + own.cert);
  const cases: readonly [{ certPath?: string; keyPath?: string }, RegExp][] = [
    [{ keyPath: other.keyPath }, /other\.example\.key is not that of the certificate .*own\.example\.crt/],
    [{ keyPath: encrypted }, /encrypted\.key is encrypted with a passphrase.*openssl pkey/],
    [{ keyPath: own.certPath }, /own\.example\.crt is no private key in PEM/],
    [{ certPath: own.keyPath }, /own\.example\.key is no certificate in PEM/],
    [{ certPath: chain }, /number 2 in .*wrong_order\.crt: it has to stand first/],
    [{ certPath: join(folder, "none.crt") }, /none\.crt: there is no such file/],
    [{ certPath: await write("half.crt", own.cert.slice(0, 200)) }, /half\.crt is no certificate/],
    [
      {
        certPath: await write("bad.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
      },
      /Certificate 1 in .*bad\.crt cannot be read/,
    ],
  ];
  for (const [files, message] of cases) {
    await rejects(readServerCertificate({ ...own, ...files }), { code: "invalid", message });
  }
});

Deno.test("a chain out of order and a key that others may read are warned of", async () => {
  const certPath = await write("odd.crt", own.cert + other.cert);
  const keyPath = await write("odd.key", own.key, 0o644);
  const { warnings } = await readServerCertificate({ certPath, keyPath });
  match(warnings.join("\n"), /Certificate 2 in .* does not vouch for the one before it/);
  match(warnings.join("\n"), /Other users of this machine may read .*odd\.key: chmod 600/);
  const whole = await write("whole.crt", own.cert + authority.cert);
  deepEqual((await readServerCertificate({ certPath: whole, keyPath: own.keyPath })).warnings, []);
});

Deno.test("another pair is taken up, through a link that is turned as well, and a broken one is not", async () => {
  const [first, second] = ["first", "second"].map((name) => join(folder, name));
  for (const [at, pair] of [[first, own], [second, other]] as const) {
    await Deno.mkdir(at ?? "");
    await Deno.writeTextFile(`${at}/tls.crt`, pair.cert);
    await Deno.writeTextFile(`${at}/tls.key`, pair.key, { mode: 0o600 });
  }
  const link = join(folder, "live");
  await Deno.symlink(first ?? "", link);
  const files = { certPath: join(link, "tls.crt"), keyPath: join(link, "tls.key") };
  const certificate = await readServerCertificate(files);
  const clock = new FakeClock(certificate.validFromMs + DAY_MS);
  const [used, told]: [string[], string[]] = [[], []];
  const keeper = new CertificateKeeper(certificate, {
    files,
    clock,
    log: (level, message) => told.push(`${level} ${message}`),
    onChange: ({ names }) => used.push(names),
  });
  await keeper.look();
  deepEqual([used, told], [[], []]);
  // As certbot and Kubernetes do it.
  await Deno.symlink(second ?? "", `${link}.new`);
  await Deno.rename(`${link}.new`, link);
  await keeper.look();
  deepEqual(used, ["other.example"]);
  match(told.join(), /info The server's certificate was renewed/);

  told.length = 0;
  await Deno.writeTextFile(files.keyPath, own.key);
  await keeper.look();
  deepEqual(told, [], "the other half may be on its way");
  await keeper.look();
  await keeper.look();
  equal(told.length, 1);
  match(told[0] ?? "", /error The server goes on with the certificate that it has: .* is not that of/);
  match(keeper.state.problem ?? "", /is not that of/);
  equal(keeper.state.certificate.names, "other.example");
  await Deno.writeTextFile(files.keyPath, other.key);
  await keeper.look();
  equal(keeper.state.problem, undefined);
  deepEqual(used, ["other.example"]);
});

Deno.test("TLS settings belong together, and doctor looks at what they name", async () => {
  const read = (given: Record<string, string>) =>
    readTlsSettings(
      { cert: undefined, key: undefined, min: undefined, clientCa: undefined, ...given },
      (path) => `/etc/${path}`,
    );
  equal(read({}), undefined);
  deepEqual(read({ cert: "a.crt", key: "a.key" }), {
    certPath: "/etc/a.crt",
    keyPath: "/etc/a.key",
    minVersion: "1.2",
    clientCaPath: undefined,
  });
  for (
    const given of [{ cert: "a" }, { key: "a" }, { min: "1.3" }, { clientCa: "a" }, {
      cert: "a",
      key: "a",
      min: "1.1",
    }]
  ) {
    const texts = Object.fromEntries(Object.entries(given));
    await rejects(() => Promise.resolve().then(() => read(texts)), { code: "invalid" });
  }
  const check = async (env: Record<string, string>, daysLater = 0) => {
    const [found] = await checkCertificate(
      { env: (name) => env[name], cwd: folder },
      Date.now() + daysLater * DAY_MS,
    );
    return found === undefined ? undefined : `${found.state} ${found.message}`;
  };
  const env = { SLUICE_TLS_CERT: "other.example.crt", SLUICE_TLS_KEY: other.keyPath };
  equal(await check({}), undefined);
  match(await check(env) ?? "", /^ok For other\.example, until/);
  match(await check(env, 25) ?? "", /^warning The certificate expires on/);
  match(await check(env, 40) ?? "", /^failed The certificate has expired/);
  match(await check({ ...env, SLUICE_TLS_KEY: own.keyPath }) ?? "", /^failed .* is not that of/);
});
