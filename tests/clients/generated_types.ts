// What clients in TypeScript do with the types that openapi-typescript makes of openapi.yaml (script/check-typescript).
import type { components, operations, paths } from "./api";

type Data<Operation extends keyof operations, Status extends number> = operations[Operation] extends {
  responses: Record<Status, { content: { "application/json": { data: infer D } } }>;
}
  ? D
  : never;

const body: components["schemas"]["models.CreateEndpoint"] = {
  name: "In",
  url: "https://hooks.example.com/in",
  authentication: null,
};

export function read(endpoint: Data<"CreateEndpoint", 201>): string {
  // A new endpoint's breaker has no state.
  const state: "closed" | "half-open" | "open" | null | undefined = endpoint.cb_state;
  // @ts-expect-error -- null is one of its values
  const never: string = endpoint.cb_state;
  return `${endpoint.uid} ${state ?? never} ${body.name}`;
}

export function rename(update: components["schemas"]["models.UpdateSubscription"]): string | null | undefined {
  return update.name;
}

type Query = NonNullable<paths["/v1/projects/{projectID}/eventdeliveries"]["get"]["parameters"]["query"]>;
export const query: Query = { event_type: "invoice.paid", status: ["Failure"] };
