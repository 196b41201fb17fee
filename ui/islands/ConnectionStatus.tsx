/** Whether the runtime answers, on every page. */
import { useEffect } from "preact/hooks";
import { connection, watchRuntime } from "./live.ts";

const WORDS = { waiting: "connecting", live: "live", gone: "runtime gone" } as const;

export function ConnectionStatus() {
  useEffect(watchRuntime, []);
  const state = connection.value;
  // What a page shows of a runtime that is gone loses its colours.
  useEffect(() => void (document.documentElement.dataset.runtime = state), [state]);
  return (
    <span class="connection" role="status" data-state={state}>
      {WORDS[state]}
    </span>
  );
}
