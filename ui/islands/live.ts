/** What the runtime says of itself ten times a second, one stream for all islands of a page. */
import { computed, signal } from "@preact/signals";
import type { Schemas } from "../../runtime/api/client.ts";

type Snapshot = Schemas["Snapshot"];

/** No snapshot for so long means that the runtime is gone, milliseconds. */
const SILENCE_MS = 2000;

/** The latest; undefined before the first. */
export const snapshot = signal<Snapshot | undefined>(undefined);
/** Whether snapshots come. */
export const connection = signal<"waiting" | "live" | "gone">("waiting");
/** States of machines as one text: changes when a machine appears, goes or changes its state. */
export const machineStates = computed(() =>
  (snapshot.value?.machines ?? []).map(({ id, state }) => `${id}:${state}`).join(" ")
);

let watchers = 0;
let source: EventSource | undefined;
let silence: ReturnType<typeof setTimeout> | undefined;

function heard(): void {
  clearTimeout(silence);
  silence = setTimeout(() => connection.value = "gone", SILENCE_MS);
  connection.value = "live";
}

/** Listens until the returned function is called; the browser connects again by itself. */
export function watchRuntime(): () => void {
  if (watchers++ === 0) {
    source = new EventSource("/api/events");
    source.addEventListener("snapshot", (event) => {
      snapshot.value = JSON.parse(event.data);
      heard();
    });
    source.addEventListener("error", () => connection.value = "gone");
  }
  return () => {
    if (--watchers > 0) return;
    clearTimeout(silence);
    source?.close();
  };
}
