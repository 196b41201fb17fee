/** The terminal of a console: apart, since it is large. */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";

const SCROLL_BACK = 5000;

/** Puts a terminal into `place`; `fit` gives it the size of its place. */
export function makeTerminal(place: HTMLElement): { terminal: Terminal; fit: () => void } {
  const terminal = new Terminal({
    convertEol: true,
    scrollback: SCROLL_BACK,
    fontSize: 13,
    screenReaderMode: true,
  });
  const addon = new FitAddon();
  terminal.loadAddon(addon);
  terminal.open(place);
  return { terminal, fit: () => addon.fit() };
}
