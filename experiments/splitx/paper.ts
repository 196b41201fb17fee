/** What the paper says (SplitX, WIOV 2011), and those that it rests on. */

/** Of the Xeon X5570 on which it was measured. */
export const X5570_HZ = 2.93e9;
/**
 * Cycles that an exit of a network guest cost altogether: 102,222 exits a second took 31 % of a
 * processor (ELI, ASPLOS 2012, baseline). Direct, indirect and synchronous cost are in it.
 */
export const WHOLE_EXIT_CYCLES = 8900;
