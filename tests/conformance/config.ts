import { deepStrictEqual, ok } from "node:assert/strict";
import * as v from "valibot";
import { connectorContext, never, streamOf, targetOf } from "../support/connections.ts";
import { failureOf } from "./bench.ts";
import type { Fixture } from "./fixture.ts";

/** What a connector's schemas and `access` say, without rows. */
export function registerConfig({ name, connector, start }: Fixture): void {
  Deno.test(`${name}: an unknown key of the config is a fault`, async () => {
    await using system = await start();
    ok(v.safeParse(connector.configSchema, system.config).success);
    ok(!v.safeParse(connector.configSchema, { ...system.config, no_such_key: 1 }).success);
  });

  Deno.test(`${name}: an unknown key or option of a stream or a load is a fault`, async () => {
    await using system = await start();
    for (
      const [schema, own] of [
        [connector.streamSchema, system.stream("t")],
        [connector.loadSchema, system.target("t")],
      ] as const
    ) {
      ok(schema !== undefined);
      ok(v.safeParse(schema, own).success);
      ok(!v.safeParse(schema, { ...own, no_such_key: 1 }).success);
      ok(!v.safeParse(schema, { ...own, options: { no_such_key: 1 } }).success);
    }
  });

  Deno.test(`${name}: access() answers at once, with absolute paths and host:port`, async () => {
    await using system = await start();
    const config = v.parse(connector.configSchema, system.config);
    const uses = [
      { kind: "source", stream: streamOf(connector, system.stream("t")).address },
      { kind: "destination", target: targetOf(connector, system.target("t")) },
    ] as const;
    for (const use of uses) {
      const access = connector.access(config, use, { name: "it", projectDir: "/no/such/folder" });
      for (const path of [...access.read, ...access.write]) ok(path.startsWith("/"), path);
      for (const host of access.hosts) ok(/:\d+$/.test(host), host);
    }
  });

  Deno.test(`${name}: no message holds a secret`, async () => {
    await using system = await start();
    const config = v.parse(connector.configSchema, system.config);
    const secrets = system.secrets ?? [];
    deepStrictEqual(secrets.filter((secret) => !connector.secrets(config).includes(secret)), []);
    if (system.brokenConfig === undefined) return;
    const broken = v.parse(connector.configSchema, system.brokenConfig);
    const brokenSecrets = [...secrets, ...connector.secrets(broken)];
    const error = await failureOf(async () => {
      await using connection = await connector.open(broken, connectorContext(system.projectDir));
      await connection.source?.describe(streamOf(connector, system.stream("t")), never());
    });
    for (const secret of brokenSecrets) {
      ok(!`${error.message} ${error.detail} ${error.stack}`.includes(secret), "a secret is in the message");
    }
  });
}
