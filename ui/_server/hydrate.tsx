/** Runs in the browser: hands each island of the page to its component. */
/// <reference lib="dom" />
import { type ComponentType, h, hydrate } from "preact";
import { ISLANDS } from "../islands/mod.ts";

for (const place of document.querySelectorAll<HTMLElement>("[data-island]")) {
  const { island, props } = place.dataset;
  const Content = await ISLANDS[island as keyof typeof ISLANDS]() as ComponentType<object>;
  hydrate(h(Content, JSON.parse(props!)), place);
}
