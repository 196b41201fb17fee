/** What serving an exit event or a request came to. */

/** Answered: the reply holds the value. */
export const DONE = 0;
/** Something that drains by itself is full: nothing was done, serve it again next turn. */
export const RETRY = 1;
/** Answered, and the vCPU idles for the nanoseconds in the reply (0: until a kick). */
export const PARK = 2;
/** Answered, and the vCPU goes on behind the instruction that the vCPU's controls made exit. */
export const SKIP = 3;
/** The guest ended itself: the reply holds its exit code. */
export const POWER_OFF = 4;
/** The guest cannot go on; the machine fails with the event as its last exit. */
export const FAIL = 5;

/** Words of a reply: status (0 or a negative errno), then a 64-bit value, low half first. */
export const STATUS = 0;
export const VALUE_LO = 1;
export const VALUE_HI = 2;
export const REPLY_WORDS = 4;
