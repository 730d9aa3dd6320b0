// A company's page with svix-react: its hooks, with the token of a portal session, and its AppPortal.
import React from "react";
import { createRoot } from "react-dom/client";
import {
  AppPortal,
  SvixProvider,
  useAttemptFunctions,
  useEndpoint,
  useEndpointFunctions,
  useEndpointHeaders,
  useEndpointMessageAttempts,
  useEndpoints,
  useEndpointSecret,
  useEndpointStats,
  useEventTypes,
  useMessage,
  useMessageAttempts,
  useMessageEndpoints,
  useMessages,
  useNewEndpoint,
} from "svix-react";

const { token, appId, serverUrl, url } = window.settings;
const options = { serverUrl };

function Told({ name, of }) {
  return <p id={name}>{of.error ? `refused: ${of.error.code ?? of.error}` : JSON.stringify(of.data)}</p>;
}

function Endpoint({ id }) {
  const secret = useEndpointSecret(id);
  const { updateEndpoint, deleteEndpoint } = useEndpointFunctions(id);
  return (
    <>
      <Told name="endpoint" of={useEndpoint(id)} />
      <Told name="secret" of={secret} />
      <Told name="stats" of={useEndpointStats(id)} />
      <Told name="headers" of={useEndpointHeaders(id)} />
      <Told name="attempts" of={useEndpointMessageAttempts(id)} />
      <button onClick={() => secret.rotateSecret({})}>Rotate</button>
      <button onClick={() => updateEndpoint({ url: "https://hooks.example.com/changed" })}>Change</button>
      <button onClick={() => deleteEndpoint()}>Delete</button>
    </>
  );
}

function Message({ id, endpointId }) {
  const { resendAttempt } = useAttemptFunctions({ msgId: id, endpointId });
  return (
    <>
      <Told name="message" of={useMessage(id)} />
      <Told name="message-attempts" of={useMessageAttempts(id)} />
      <Told name="message-endpoints" of={useMessageEndpoints(id)} />
      <button onClick={() => resendAttempt()}>Resend</button>
    </>
  );
}

function Company() {
  const endpoints = useEndpoints();
  const messages = useMessages({ withContent: true });
  const types = useEventTypes();
  const made = useNewEndpoint();
  const [outcome, setOutcome] = React.useState("");
  const [isOpen, setIsOpen] = React.useState(false);
  const first = endpoints.data?.[0];
  const message = messages.data?.[0];
  return (
    <>
      <Told name="endpoints" of={endpoints} />
      <Told name="messages" of={messages} />
      <Told name="types" of={types} />
      <button
        onClick={() => {
          made.url.setValue("https://hooks.example.com/made");
          made.eventTypes.setValue(["order.paid"]);
        }}
      >
        Fill in
      </button>
      <button onClick={async () => setOutcome(JSON.stringify(await made.createEndpoint()))}>Create</button>
      <p id="outcome">{outcome}</p>
      <button onClick={() => endpoints.reload()}>Reload</button>
      {first && <Endpoint id={first.id} />}
      {first && message && <Message id={message.id} endpointId={first.id} />}
      <button onClick={() => setIsOpen(true)}>Open</button>
      {isOpen && <AppPortal url={url} />}
    </>
  );
}

createRoot(document.getElementById("root")).render(
  <SvixProvider token={token} appId={appId} options={options}>
    <Company />
  </SvixProvider>,
);
