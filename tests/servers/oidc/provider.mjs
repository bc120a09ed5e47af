// A certified OpenID provider that is not ours. It lets the person in whom the environment names, without a page.
import { Provider } from "oidc-provider";

const { ISSUER, PORT, REDIRECT_URI, CLIENT_SECRET, PERSON } = process.env;
const API = "urn:deskgraph";
const person = JSON.parse(PERSON);

const code = {
  grant_types: ["authorization_code"],
  redirect_uris: [REDIRECT_URI],
  response_types: ["code"],
  scope: "openid email desk",
};
const robot = {
  client_secret: CLIENT_SECRET,
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
};

// Tokens for our API are JWTs by RFC 9068; for any other they have another audience.
function resourceServer(_ctx, resource) {
  const audience = resource === API ? "deskgraph" : resource;
  return { accessTokenFormat: "jwt", audience, jwt: { sign: { alg: "RS256" } }, scope: "desk" };
}

const provider = new Provider(ISSUER, {
  claims: { email: ["email", "email_verified"], openid: ["sub", "tenant", "roles"] },
  clients: [
    { ...code, client_id: "console", client_secret: CLIENT_SECRET },
    { ...code, client_id: "phone", token_endpoint_auth_method: "none" },
    { ...robot, client_id: "robot" },
    { ...robot, client_id: "stranger" },
  ],
  conformIdTokenClaims: false,
  cookies: { keys: ["of the tests"] },
  extraTokenClaims: () => ({ email: person.email, email_verified: true, roles: person.roles, tenant: person.tenant }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      defaultResource: () => API,
      enabled: true,
      getResourceServerInfo: resourceServer,
      useGrantedResource: () => true,
    },
  },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email_verified: true, ...person }) }),
  interactions: { url: (_ctx, interaction) => `/let-in/${interaction.uid}` },
  pkce: { required: () => true },
  scopes: ["openid", "email", "desk"],
  ttl: { AccessToken: 60, ClientCredentials: 60, Grant: 600, IdToken: 60, Interaction: 60, Session: 600 },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith("/let-in/")) return next();
  const { params } = await provider.interactionDetails(ctx.req, ctx.res);
  const grant = new provider.Grant({ accountId: person.sub, clientId: params.client_id });
  grant.addOIDCScope("openid email desk");
  grant.addResourceScope(params.resource ?? API, "desk");
  const result = { consent: { grantId: await grant.save() }, login: { accountId: person.sub } };
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: true });
});

provider.listen(Number(PORT), "127.0.0.1");
