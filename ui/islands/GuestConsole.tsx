/** A machine's console in a terminal, which loads when it is opened. */
import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { consoleAddress } from "../../runtime/api/client.ts";

const ENDED = 1000;

export function GuestConsole({ vm }: { readonly vm: number }) {
  const place = useRef<HTMLDivElement>(null);
  const state = useSignal("loading");
  useEffect(() => {
    const ending = new AbortController();
    void open(vm, place.current!, (words) => state.value = words, ending.signal);
    return () => ending.abort();
  }, [vm]);
  return (
    <section aria-label="Console">
      <p class="quiet" role="status">console: {state.value}</p>
      <div class="console" ref={place} />
    </section>
  );
}

async function open(
  vm: number,
  place: HTMLElement,
  say: (words: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { makeTerminal } = await import("./terminal.ts");
  if (signal.aborted) return;
  const { terminal, fit } = makeTerminal(place);
  const socket = new WebSocket(consoleAddress(location.origin, vm));
  socket.binaryType = "arraybuffer";
  const resize = () => {
    fit();
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify({ resize: { columns: terminal.cols, rows: terminal.rows } }));
  };
  const watcher = new ResizeObserver(resize);
  watcher.observe(place);
  const encoder = new TextEncoder();
  terminal.onData((text) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(encoder.encode(text));
  });
  socket.onopen = () => {
    say("connected");
    resize();
    terminal.focus();
  };
  socket.onmessage = ({ data }) => terminal.write(new Uint8Array(data as ArrayBuffer));
  socket.onclose = ({ code, reason }) =>
    say(code === ENDED ? "the guest has ended" : `gone${reason && `: ${reason}`}`);
  signal.addEventListener("abort", () => {
    watcher.disconnect();
    socket.close();
    terminal.dispose();
  });
}
