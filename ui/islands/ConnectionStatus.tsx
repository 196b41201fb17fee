/** Whether the runtime answers, on every page. */
import { useEffect } from "preact/hooks";
import { connection, watchRuntime } from "./live.ts";

const WORDS = { waiting: "connecting", live: "live", gone: "runtime gone" } as const;

export function ConnectionStatus() {
  useEffect(watchRuntime, []);
  return (
    <span class="connection" role="status" data-state={connection.value}>
      {WORDS[connection.value]}
    </span>
  );
}
