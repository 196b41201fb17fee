/** What a page is made by. */
import type { ComponentChildren } from "preact";
import type { ApiClient } from "../../runtime/api/client.ts";

/** What a route is given. */
export interface RouteContext {
  /** The API, asked without a network between. */
  readonly api: ApiClient;
  /** The number in the path; 0 where there is none. */
  readonly id: number;
  /** What stands behind the path. */
  readonly query: URLSearchParams;
}

/** What a route gives. */
export interface Page {
  readonly title: string;
  readonly content: ComponentChildren;
}

/** A page of the dashboard. */
export type Route = (context: RouteContext) => Promise<Page>;

/** The API said that there is no such thing. */
export class NotThere extends Error {}

/**
 * What the API gave.
 *
 * @throws NotThere with the API's words when it gave a problem
 */
export function answered<Data>({ data, error }: { data?: Data; error?: unknown }): Data {
  if (data !== undefined) return data;
  throw new NotThere((error as { detail?: string })?.detail ?? "the API does not answer");
}
