/** Runs in the browser: hands each island of the page to its component. */
/// <reference lib="dom" />
import { type ComponentType, h, hydrate } from "preact";
import { ISLANDS } from "../islands/mod.ts";

const places = [...document.querySelectorAll<HTMLElement>("[data-island]")];
// What the server rendered is shown before more is loaded; a page in the background waits for its turn.
await new Promise(requestAnimationFrame);
const islands = await Promise.all(places.map(async (place) => {
  const Content = await ISLANDS[place.dataset.island as keyof typeof ISLANDS]();
  return { place, Content: Content as ComponentType<object> };
}));
// All at once: what one of them hears of the runtime must not reach another before it has taken over
// what the server rendered.
for (const { place, Content } of islands) {
  hydrate(h(Content, JSON.parse(place.dataset.props!)), place);
}
