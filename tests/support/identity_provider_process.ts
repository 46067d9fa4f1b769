import Provider from "oidc-provider";

/**
 * A real identity provider (`oidc-provider`), to be run as a process of its own: its first argument is the setting as
 * JSON. Accounts are the names that are typed on its sign-in page; what it says of them is changed by a PUT of
 * `/test/accounts`.
 */
interface Setting {
  readonly port: number;
  readonly redirectUri: string;
  readonly postLogoutUri: string;
  readonly backchannelUri: string;
  readonly accounts: Record<string, Record<string, unknown>>;
}

const setting: Setting = JSON.parse(Deno.args[0] ?? "{}");
let accounts = setting.accounts;
const issuer = `http://127.0.0.1:${setting.port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: "sluice",
    client_secret: "provider-secret-that-is-long-enough",
    redirect_uris: [setting.redirectUri],
    post_logout_redirect_uris: [setting.postLogoutUri],
    backchannel_logout_uri: setting.backchannelUri,
    backchannel_logout_session_required: true,
  }],
  claims: {
    openid: ["sub", "groups"],
    profile: ["name", "preferred_username"],
    email: ["email", "email_verified"],
  },
  features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
  // The claims go into /userinfo alone, as the specification prefers it and many providers do.
  conformIdTokenClaims: true,
  cookies: { keys: ["test"] },
  pkce: { required: () => true },
  findAccount: (_: unknown, id: string) =>
    accounts[id] === undefined
      ? undefined
      : { accountId: id, claims: () => Promise.resolve({ sub: id, ...accounts[id] }) },
  // The operator of a company's provider has consented for everybody.
  async loadExistingGrant(ctx) {
    const { client, session } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({ clientId: client?.clientId, accountId: session?.accountId });
    grant.addOIDCScope("openid profile email");
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  if (ctx.path !== "/test/accounts") return await next();
  let text = "";
  for await (const part of ctx.req) text += part;
  accounts = JSON.parse(text);
  ctx.body = "changed";
});

provider.listen(setting.port, "127.0.0.1", () => console.log("ready"));
