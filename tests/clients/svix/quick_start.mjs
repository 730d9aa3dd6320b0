// The quick start of npm's svix, from the application to the verified webhook, its attempt, and the portal's link.
import { createServer } from "node:http";
import { once } from "node:events";
import { Svix, Webhook } from "svix";

const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");

function arrival() {
  return once(server, "request").then(async ([request, response]) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    response.end("ok");
    return { headers: request.headers, body };
  });
}

// As patient as tests/waiting.py.
async function eventually(read) {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const found = await read();
    if (found.length) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("nothing came");
}

const svix = new Svix(process.env.SVIX_TOKEN, { serverUrl: process.env.SVIX_URL });
const application = await svix.application.getOrCreate({ name: "Acme", uid: "acme" });
await svix.eventType.create({ name: "invoice.paid", description: "An invoice was paid" });
const endpoint = await svix.endpoint.create(application.id, {
  url: `http://127.0.0.1:${server.address().port}/in`,
  eventTypes: ["invoice.paid"],
  headers: { "X-Tenant": "acme" },
});
const { key } = await svix.endpoint.getSecret(application.id, endpoint.id);


function verify({ body, headers }) {
  new Webhook(key).verify(body, headers);
  return JSON.parse(body);
}

function isRefused(request) {
  try {
    verify(request);
    return false;
  } catch {
    return true;
  }
}

const first = arrival();
const message = await svix.message.create(application.id, { eventType: "invoice.paid", payload: { id: 991 } });
const came = await first;
const verified = verify(came);

const listed = await eventually(async () => (await svix.messageAttempt.listByMsg(application.id, message.id)).data);
const second = arrival();
await svix.messageAttempt.resend(application.id, message.id, endpoint.id);
const again = await second;

let refused = "";
try {
  await svix.endpoint.get(application.id, "nope");
} catch (error) {
  refused = `${error.code} ${error.body?.code ?? ""}`;
}
const access = await svix.authentication.appPortalAccess(application.id, {});
server.close();
server.closeAllConnections();
console.log(
  JSON.stringify({
    verified,
    tenant: came.headers["x-tenant"],
    attempts: listed.map((one) => one.responseStatusCode),
    again: verify(again),
    tampered: isRefused({ ...came, body: "{}" }),
    refused,
    url: access.url,
  }),
);
